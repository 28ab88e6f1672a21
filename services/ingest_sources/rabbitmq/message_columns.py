"""A message's properties as columns of its rows."""

import json
from collections.abc import Iterable
from typing import Any

from ingest_sources.rabbitmq.message import Message

_HEADER = "headers."


def columns_of(message: Message, names: Iterable[str]) -> dict[str, Any]:
    """By `__NAME`: None where the publisher did not set it. A timestamp is in seconds since 1970."""
    return {f"__{name}": _plain(_value(message, name)) for name in names}


def _value(message: Message, name: str) -> Any:
    if name.startswith(_HEADER):
        return message.headers.get(name.removeprefix(_HEADER))
    if name in ("exchange", "routing_key"):
        return getattr(message, name)
    return message.properties.get(name)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    # AMQP has tables, arrays, times and decimals too.
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)
