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


def models_folder(stack: Stack) -> Path:
    """Where the tests' models are, and the keys that sign them."""
    return stack.layout.data("serve_api") / "models"


def model_keys(stack: Stack) -> Path:
    """The public keys of those whose models may run."""
    return models_folder(stack) / "keys" / "public.pem"


def start_api(stack: Stack) -> None:
    """Begins to start it; its set-up tasks need Cassandra and Kafka the first time."""
    stack.start("serve_api", environment(stack))


def environment(stack: Stack) -> dict[str, str]:
    """Its settings."""
    folders = {"SERVE_API_PUSH_KEYS": str(push_keys(stack)), "SERVE_API_MODEL_KEYS": str(model_keys(stack))}
    return {**_ENVIRONMENT, **folders}
