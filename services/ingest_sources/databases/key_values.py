"""A row's key as JSON can hold it: each value with its type, so that it comes back as exactly what it was."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from headrace.errors import ConfigurationError

Encoded = tuple[str, str]
"""A type's name and the value's text."""

_TO_TEXT: dict[type, tuple[str, Any]] = {
    bool: ("bool", repr),
    int: ("int", str),
    # Hexadecimal, as no other text of a float is exact everywhere.
    float: ("float", float.hex),
    str: ("text", str),
    Decimal: ("decimal", str),
    datetime: ("time", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("clock", time.isoformat),
    bytes: ("bytes", bytes.hex),
    UUID: ("uuid", str),
}
_FROM_TEXT: dict[str, Any] = {
    "bool": "True".__eq__,
    "int": int,
    "float": float.fromhex,
    "text": str,
    "decimal": Decimal,
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "clock": time.fromisoformat,
    "bytes": bytes.fromhex,
    "uuid": UUID,
}


def encode(value: object) -> Encoded:
    """A value as its type and a text.

    Raises:
        ConfigurationError: it is of a type, such as a list, by which rows can't be ordered; None is one.
    """
    if isinstance(value, memoryview):
        value = bytes(value)
    found = _TO_TEXT.get(type(value))
    if found is None:
        what = "NULL" if value is None else f"a {type(value).__name__}"
        raise ConfigurationError(f"is {what} in a row, by which rows can't be ordered")
    name, to_text = found
    return name, to_text(value)


def decode(encoded: Sequence[str]) -> Any:
    """What `encode` was given."""
    name, text = encoded
    return _FROM_TEXT[name](text)
