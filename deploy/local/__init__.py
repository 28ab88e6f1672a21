"""The native stack: Kafka, Cassandra, mosquitto, Prometheus and the services as plain processes, without containers."""
