"""What every Headrace service shares: records, topics, Kafka, dead letters, settings, logs, metrics, health, clock."""
