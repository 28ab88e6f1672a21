"""The objects of a message: one, an array of them, or one a line."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError
from ingest_sources.feeds.message_rows import MAX_COLUMNS
from ingest_sources.rabbitmq.message import Message
from ingest_sources.readers.json_columns import flatten
from ingest_sources.readers.json_strict import parse_object, parse_strict
from ingest_sources.rows import ROW

_ONE_VALUE = frozenset({"application/json", "text/json"})
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"})
_NOT_PACKED = frozenset({None, "", "identity", "utf-8", "utf8", "binary"})
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def objects_of(message: Message, columns: Mapping[str, Any], max_bytes: int) -> list[dict[str, Any]]:
    """A message's rows, each with nested names dotted. It is taken as a whole or not at all.

    Args:
        columns: are added to each.

    Raises:
        TerminalError: the body is too large, packed, or anything else than JSON objects; the headers can't be read.
    """
    body = message.body
    if message.problem:
        raise TerminalError(Reason.UNSUPPORTED_FORMAT, message.problem)
    if len(body) > max_bytes:
        raise TerminalError(Reason.TOO_LARGE, f"the message has {len(body)} bytes; max_body_mb allows {max_bytes}")
    if not body.strip():
        raise TerminalError(Reason.EMPTY_BODY, "the message has no body")
    encoding = message.properties.get("content_encoding")
    if encoding not in _NOT_PACKED:
        raise TerminalError(
            Reason.UNSUPPORTED_FORMAT, f"content_encoding {encoding!r} can't be read: publish it unpacked"
        )
    return [_row(value, columns) for value in _values(body, message.properties.get("content_type"))]


def _values(body: bytes, content_type: str | None) -> list[dict[str, Any]]:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind in _LINES:
        return _of_lines(body)
    if body.lstrip()[:1] == b"[":
        return _of_array(body)
    if kind not in _ONE_VALUE and _is_of_lines(body):
        return _of_lines(body)
    return [parse_object(body)]


def _is_of_lines(body: bytes) -> bool:
    """Whether its first line is an object by itself and more follows; one that is printed over lines is not."""
    first, _, rest = body.lstrip().partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(parse_strict(first), dict)
    except TerminalError:
        return False


def _of_array(body: bytes) -> list[dict[str, Any]]:
    try:
        elements = _elements(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        parse_strict(body)
        raise
    return [_numbered(bytes(element), f"element {number}") for number, element in enumerate(elements, 1)]


def _of_lines(body: bytes) -> list[dict[str, Any]]:
    lines = enumerate(body.split(b"\n"), 1)
    return [_numbered(line, f"line {number}") for number, line in lines if line.strip()]


def _numbered(data: bytes, what: str) -> dict[str, Any]:
    try:
        return parse_object(data)
    except TerminalError as error:
        raise TerminalError(error.reason, f"{what}: {error.detail}") from error


def _row(value: dict[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    row = flatten(value)
    if taken := row.keys() & {ROW, *columns}:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"it has {', '.join(sorted(taken))}, a name of Headrace's own")
    if len(row) + len(columns) > MAX_COLUMNS:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"it has {len(row)} columns; {MAX_COLUMNS} fit")
    return {**row, **columns}
