"""Starts the API with settings that make a test short."""

from pathlib import Path

from deploy.local.stack import Stack

MAX_OPEN = 4
BODY_TIMEOUT_S = 2.0
_ENVIRONMENT = {
    "SERVE_API_LIVE_HEARTBEAT": "0.5",
    "SERVE_API_QUERY_TIMEOUT": "2",
    "SERVE_API_DELIVERY_TIMEOUT": "3",
    "SERVE_API_PUSH_MAX_OPEN": str(MAX_OPEN),
    "SERVE_API_PUSH_BODY_TIMEOUT": str(BODY_TIMEOUT_S),
}


def push_keys(stack: Stack) -> Path:
    """The folder of the keys of sources."""
    folder = stack.layout.data("serve_api") / "push_keys"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def start_api(stack: Stack) -> None:
    """Begins to start it; its set-up tasks need Cassandra and Kafka the first time."""
    stack.start("serve_api", {**_ENVIRONMENT, "SERVE_API_PUSH_KEYS": str(push_keys(stack))})
