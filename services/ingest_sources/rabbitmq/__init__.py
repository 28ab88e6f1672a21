"""A queue of RabbitMQ whose messages are JSON objects."""
