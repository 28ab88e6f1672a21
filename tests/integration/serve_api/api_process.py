"""Starts the API with settings that make a test short."""

from deploy.local.stack import Stack

_ENVIRONMENT = {"SERVE_API_LIVE_HEARTBEAT": "0.5", "SERVE_API_QUERY_TIMEOUT": "2", "SERVE_API_DELIVERY_TIMEOUT": "3"}


def start_api(stack: Stack) -> None:
    """Begins to start it; its set-up tasks need Cassandra and Kafka the first time."""
    stack.start("serve_api", _ENVIRONMENT)
