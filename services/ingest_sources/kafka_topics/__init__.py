"""Topics of a Kafka, of another cluster or of Headrace's own, whose records are JSON objects."""
