"""A row's JSON as the values of its columns. Numbers are exact: none passes through a float."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.records import ColumnType

Value = Decimal | bool | str

MAX_DIGITS = 1_000
MAX_EXPONENT = 10_000
"""What reads a decimal may write it out, and 1e1000000000 in few bytes is more than fits a memory."""
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_NUMBER = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,9}))?")
_BOOLEANS = {b"true": True, b"false": False}


def values_of(row: bytes | None, columns: Mapping[str, ColumnType]) -> dict[str, Value]:
    """The values that a row has, by column; one that is null is not among them.

    Raises:
        TerminalError: it is no JSON object, or a value is not of its column's type.
    """
    values: dict[str, Value] = {}
    for name, raw in _decoded(row).items():
        written = bytes(raw)
        if written == b"null":
            continue
        kind = columns.get(name)
        if kind is None:
            raise TerminalError(Reason.INVALID_RECORD, f"column {name!r} is not in its schema")
        values[name] = _value(name, written, kind)
    return values


def _decoded(row: bytes | None) -> dict[str, msgspec.Raw]:
    if not row:
        raise TerminalError(Reason.EMPTY_BODY, "a row without a value")
    try:
        return _ROW.decode(row)
    except msgspec.ValidationError as error:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"a row is a JSON object: {error}") from error
    except RecursionError as error:
        raise TerminalError(Reason.TOO_DEEP, "a row is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TerminalError(Reason.MALFORMED_JSON, str(error)) from error


def _value(name: str, written: bytes, kind: ColumnType) -> Value:
    if kind == "text" and written[:1] in b"[{":
        return _utf8(name, written)
    if kind == "text" and written[:1] == b'"':
        return _text(name, written)
    if kind == "number" and written[:1] not in b"tf[{":
        return _number(name, written)
    if kind == "boolean" and written in _BOOLEANS:
        return _BOOLEANS[written]
    shown = written[:100].decode(errors="replace")
    raise TerminalError(Reason.INVALID_RECORD, f"column {name!r} is {kind}, and this is {shown}")


def _text(name: str, written: bytes) -> str:
    try:
        return _TEXT.decode(written)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TerminalError(Reason.INVALID_UTF8, f"column {name!r}: {error}") from error


def _utf8(name: str, written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise TerminalError(Reason.INVALID_UTF8, f"column {name!r}: {error}") from error


def _number(name: str, written: bytes) -> Decimal:
    # Where rows hold decimals, they come in quotes.
    text = _text(name, written) if written[:1] == b'"' else written.decode()
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise TerminalError(Reason.INVALID_RECORD, f"column {name!r} is number, and this is {text[:100]!r}")
    digits = len(match[1]) + len(match[2] or "")
    if digits > MAX_DIGITS or abs(int(match[3] or 0)) > MAX_EXPONENT:
        detail = f"column {name!r}: {text[:100]}; {MAX_DIGITS} digits and exponents to {MAX_EXPONENT} can be stored"
        raise TerminalError(Reason.REFUSED_BY_STORE, detail)
    return Decimal(text)
