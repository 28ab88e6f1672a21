"""What pika gives of a message, as a Message: all of its names and short texts are text."""

from collections.abc import Mapping
from typing import Any

from ingest_sources.rabbitmq.message import Message

_DEPTH = 32


def message_of(delivery: Any, properties: Mapping[str, Any], body: bytes, problem: str = "") -> Message:
    """Args:
    delivery: pika's Deliver or GetOk.
    properties: those that are set.
    problem: why its headers can't be read.
    """
    own = {name: _text(value) for name, value in properties.items()}
    try:
        if headers := properties.get("headers"):
            own["headers"] = _readable(headers, 1)
    except ValueError as error:
        del own["headers"]
        problem = f"its headers can't be read: {error}"
    exchange, routing_key = _text(delivery.exchange), _text(delivery.routing_key)
    return Message(delivery.delivery_tag, delivery.redelivered, exchange, routing_key, own, body, problem)


def _text(value: Any) -> Any:
    # pika gives bytes where a short string is no UTF-8.
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def _readable(value: Any, depth: int) -> Any:
    """A header, with text for the names in it; its bytes stay bytes.

    Raises:
        ValueError: it is nested too deeply.
    """
    if depth > _DEPTH:
        raise ValueError(f"headers are nested in more than {_DEPTH} levels")
    if isinstance(value, dict):
        return {_text(name): _readable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_readable(item, depth + 1) for item in value]
    return value
