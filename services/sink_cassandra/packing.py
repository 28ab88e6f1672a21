"""Values in the encoding of Cassandra's native protocol: a 32-bit length, then the bytes.

Rows are packed here rather than bound by the driver, which takes six times as long (services/DECISIONS.md).
"""

import struct
from functools import lru_cache

from headrace.errors import Reason, TerminalError

MAX_KEY_BYTES = 65_535
"""Cassandra refuses longer keys and map keys."""
NULL = struct.pack(">i", -1)

_length = struct.Struct(">i").pack
_int = struct.Struct(">ii").pack
_bigint = struct.Struct(">iq").pack
_double = struct.Struct(">id").pack
_TRUE = b"\x00\x00\x00\x01\x01"
_FALSE = b"\x00\x00\x00\x01\x00"


def sized(value: bytes) -> bytes:
    """Bytes as a value."""
    return _length(len(value)) + value


def text(value: str) -> bytes:
    return sized(value.encode())


@lru_cache(maxsize=65_536)
def key(value: str) -> bytes:
    """A text that is part of a key: a name of a site, device or metric.

    Raises:
        TerminalError: it is longer than Cassandra takes.
    """
    packed = value.encode()
    if len(packed) > MAX_KEY_BYTES:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a name of {len(packed)} bytes; {MAX_KEY_BYTES} can be stored")
    return sized(packed)


def integer(value: int) -> bytes:
    return _int(4, value)


def bigint(value: int) -> bytes:
    """A 64-bit integer or a timestamp.

    Raises:
        struct.error: it has more than 64 bits.
    """
    return _bigint(8, value)


def double(value: float) -> bytes:
    return _double(8, value)


def boolean(value: bool) -> bytes:
    return _TRUE if value else _FALSE


def optional_text(value: str | None) -> bytes:
    return NULL if value is None else text(value)


def optional_bigint(value: int | None) -> bytes:
    return NULL if value is None else bigint(value)


def optional_double(value: float | None) -> bytes:
    return NULL if value is None else double(value)


def optional_boolean(value: bool | None) -> bytes:
    return NULL if value is None else boolean(value)


def text_list(values: tuple[str, ...]) -> bytes:
    return sized(_length(len(values)) + b"".join([text(value) for value in values]))


def text_map(values: dict[str, str]) -> bytes:
    """A map as a value, in the order in which Cassandra keeps it."""
    entries = sorted((name.encode(), value.encode()) for name, value in values.items())
    return sized(_length(len(entries)) + b"".join([sized(name) + sized(value) for name, value in entries]))


def value_map(entries: list[bytes]) -> bytes:
    """A map as a value; an entry is a key's value followed by the entry's."""
    return sized(_length(len(entries)) + b"".join(entries))


def routing_key(partition: bytes) -> bytes:
    """The bytes that Cassandra hashes, of a partition key whose columns are packed one after the other."""
    parts = _values(partition)
    if len(parts) == 1:
        return parts[0]
    return b"".join([struct.pack(">H", len(part)) + part + b"\x00" for part in parts])


def _values(packed: bytes) -> list[bytes]:
    found = []
    position = 0
    while position < len(packed):
        (length,) = struct.unpack_from(">i", packed, position)
        found.append(packed[position + 4 : position + 4 + length])
        position += 4 + length
    return found
