"""AMQP's tables of headers, also those that pika can't decode: any time, any float."""

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_DEPTH = 32
_FIXED = {"t": ">?", "b": ">b", "B": ">B", "s": ">h", "U": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "L": ">q"}
_Decoded = tuple[Any, int]


def decode_table(data: bytes, place: int = 0, depth: int = 1) -> tuple[dict[str, Any], int]:
    """Returns the table at a place and the place after it.

    A time that no calendar has, such as one in milliseconds, stays a number; NaN and infinities become text.

    Raises:
        ValueError: it is nested too deeply, or has a type that AMQP hasn't.
        struct.error: it is cut off.
    """
    _check_depth(depth)
    end, place = _extent(data, place)
    table = {}
    while place < end:
        name_end = place + 1 + data[place]
        name = data[place + 1 : name_end].decode(errors="backslashreplace")
        table[name], place = _decode_value(data, name_end, depth)
    return table, place


def _decode_value(data: bytes, place: int, depth: int) -> _Decoded:
    kind = data[place : place + 1].decode("latin-1")
    place += 1
    if kind in _FIXED:
        (value,) = struct.unpack_from(_FIXED[kind], data, place)
        return value, place + struct.calcsize(_FIXED[kind])
    if kind == "F":
        return decode_table(data, place, depth + 1)
    if decode := _OTHERS.get(kind):
        return decode(data, place)
    if kind == "A":
        return _decode_array(data, place, depth + 1)
    raise ValueError(f"type {kind!r} of a header is not known")


def _decode_array(data: bytes, place: int, depth: int) -> _Decoded:
    _check_depth(depth)
    end, place = _extent(data, place)
    values = []
    while place < end:
        value, place = _decode_value(data, place, depth)
        values.append(value)
    return values, place


def _decode_bytes(data: bytes, place: int) -> _Decoded:
    end, place = _extent(data, place)
    return data[place:end], end


def _decode_text(data: bytes, place: int) -> _Decoded:
    value, end = _decode_bytes(data, place)
    try:
        return value.decode(), end
    except UnicodeDecodeError:
        return value, end


def _decode_time(data: bytes, place: int) -> _Decoded:
    (seconds,) = struct.unpack_from(">Q", data, place)
    try:
        return datetime.fromtimestamp(seconds, UTC), place + 8
    except (ValueError, OverflowError, OSError):
        return seconds, place + 8


def _decode_decimal(data: bytes, place: int) -> _Decoded:
    decimals, digits = struct.unpack_from(">Bi", data, place)
    return Decimal(digits).scaleb(-decimals), place + 5


def _decode_float(form: str) -> Callable[[bytes, int], _Decoded]:
    def decode(data: bytes, place: int) -> _Decoded:
        (value,) = struct.unpack_from(form, data, place)
        return value if math.isfinite(value) else str(value), place + struct.calcsize(form)

    return decode


def _extent(data: bytes, place: int) -> tuple[int, int]:
    """Where what has its length before it ends and begins."""
    (length,) = struct.unpack_from(">I", data, place)
    return place + 4 + length, place + 4


def _check_depth(depth: int) -> None:
    if depth > _DEPTH:
        raise ValueError(f"headers are nested in more than {_DEPTH} levels")


_OTHERS: dict[str, Callable[[bytes, int], _Decoded]] = {
    "S": _decode_text,
    "x": _decode_bytes,
    "T": _decode_time,
    "D": _decode_decimal,
    "f": _decode_float(">f"),
    "d": _decode_float(">d"),
    "V": lambda data, place: (None, place),
}
