"""Values at a place of a JSON text; what is not asked for is not decoded."""

from typing import Any

import msgspec

from headrace.errors import ConfigurationError, TerminalError
from ingest_sources.readers.json_strict import parse_strict

_SHOWN = 30


class Missing(LookupError):
    """There is no such place; the message says what is there."""


def find(document: msgspec.Raw, place: str) -> msgspec.Raw:
    """The text at a place: names with dots between them; a number is a place in an array.

    Raises:
        Missing: it is not there.
    """
    found = document
    for step in place.split(".") if place else ():
        found = _step(found, step, place)
    return found


def value_at(document: msgspec.Raw, place: str) -> Any:
    """The value at a place; None where it is not there.

    Raises:
        ConfigurationError: it is no JSON.
    """
    try:
        return parse_strict(bytes(find(document, place)))
    except Missing:
        return None
    except TerminalError as error:
        raise ConfigurationError(f"the answer's {place} can't be read: {error.detail}") from error


def value_in(row: Any, place: str) -> Any:
    """As `value_at`, of a row that is decoded."""
    for step in place.split("."):
        if isinstance(row, dict):
            row = row.get(step)
        elif isinstance(row, list) and (number := _number(step)) is not None:
            row = row[number] if -len(row) <= number < len(row) else None
        else:
            return None
    return row


def kind_of(text: msgspec.Raw) -> str:
    """Its kind by its first character."""
    first = bytes(memoryview(text)[:1])
    kinds = {b"{": "an object", b"[": "an array", b'"': "a text", b"t": "a boolean", b"f": "a boolean", b"n": "null"}
    return kinds.get(first, "a number")


def _step(value: msgspec.Raw, step: str, place: str) -> msgspec.Raw:
    kind = kind_of(value)
    if kind == "an object":
        fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        if step in fields:
            return fields[step]
        names = ", ".join(list(fields)[:_SHOWN]) or "none"
        raise Missing(f"the answer has no {step!r} at {place!r}; the names there are: {names}")
    number = _number(step)
    if kind != "an array" or number is None:
        raise Missing(f"the answer has {kind} where {place!r} wants the name {step!r}")
    items = msgspec.json.decode(value, type=list[msgspec.Raw])
    if not -len(items) <= number < len(items):
        raise Missing(f"the answer's array at {place!r} has {len(items)} elements, and no number {step}")
    return items[number]


def _number(step: str) -> int | None:
    return int(step) if step.lstrip("-").isdigit() and step.isascii() and step.count("-") <= 1 else None
