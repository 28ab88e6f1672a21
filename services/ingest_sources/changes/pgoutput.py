"""Decodes what PostgreSQL's output plugin pgoutput sends, protocol version 1.

PostgreSQL's documentation, section "Logical Replication Message Formats". Values stay the texts that they are sent as.
"""

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ingest_sources.changes.replication_messages import EPOCH_US

_BEGIN = struct.Struct("!QqI")
_COMMIT = struct.Struct("!BQQq")
_RELATION_COLUMN = struct.Struct("!Ii")
_TRUNCATE = struct.Struct("!IB")
_INT16 = struct.Struct("!h")
_INT32 = struct.Struct("!i")
_UINT32 = struct.Struct("!I")


class Unchanged(Enum):
    """In place of a value that lies outside its row (TOAST) and that an update left as it was: it isn't sent."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
Value = str | None | Unchanged
Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """Attributes:
    lsn: of the transaction's commit record.
    time: of the commit, microseconds UTC.
    xid: its lower 32 bits.
    """

    lsn: int
    time: int
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Attributes:
    lsn: as of its `Begin`.
    end: LSN after the commit record.
    """

    lsn: int
    end: int


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """Attributes:
    is_key: it is part of the replica identity.
    type_oid: of `pg_type`.
    """

    name: str
    is_key: bool
    type_oid: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it is for the changes that follow; sent before the first one and after each change of it.

    Attributes:
        identity: `d` the primary key, `i` another index, `f` all columns, `n` none.
    """

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    relation: int
    new: Values


@dataclass(frozen=True, slots=True)
class Update:
    """Attributes:
    old: the former row with replica identity FULL; the former key, and no other values, where the key changed.
    """

    relation: int
    old: Values | None
    new: Values


@dataclass(frozen=True, slots=True)
class Delete:
    """Attributes:
    old: the former row with replica identity FULL, otherwise its key and no other values.
    """

    relation: int
    old: Values


@dataclass(frozen=True, slots=True)
class Truncate:
    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """What says nothing of rows: a type, an origin, a message of somebody's own."""

    kind: str


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate | Other
M = TypeVar("M", bound=Message)


def decode(data: bytes) -> Message:
    """One message.

    Raises:
        ValueError: it isn't as protocol version 1 says.
    """
    try:
        return _decoded(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"a pgoutput message of kind {data[:1]!r} can't be decoded: {error}") from error


def _decoded(data: bytes) -> Message:
    kind = data[:1]
    if kind == b"I":
        new, end = _tuple(data, 6)
        return _whole(data, end, Insert(_relation_of(data), new))
    if kind == b"U":
        return _update(data)
    if kind == b"D":
        old, end = _tuple(data, 6)
        return _whole(data, end, Delete(_relation_of(data), old))
    if kind == b"B":
        lsn, time, xid = _BEGIN.unpack_from(data, 1)
        return _whole(data, 1 + _BEGIN.size, Begin(lsn, time + EPOCH_US, xid))
    if kind == b"C":
        _, lsn, end_lsn, _ = _COMMIT.unpack_from(data, 1)
        return _whole(data, 1 + _COMMIT.size, Commit(lsn, end_lsn))
    if kind == b"R":
        return _relation(data)
    if kind == b"T":
        count, _ = _TRUNCATE.unpack_from(data, 1)
        begin = 1 + _TRUNCATE.size
        oids = struct.unpack_from(f"!{count}I", data, begin)
        return _whole(data, begin + 4 * count, Truncate(oids))
    if kind in (b"Y", b"O", b"M"):
        return Other(kind.decode())
    raise ValueError(f"a pgoutput message of kind {kind!r} is not of protocol version 1")


def _update(data: bytes) -> Update:
    old: Values | None = None
    position = 5
    if data[position : position + 1] in (b"K", b"O"):
        old, position = _tuple(data, position + 1)
    if data[position : position + 1] != b"N":
        raise ValueError(f"an update has {data[position : position + 1]!r} where its new row is expected")
    new, position = _tuple(data, position + 1)
    return _whole(data, position, Update(_relation_of(data), old, new))


def _relation(data: bytes) -> Relation:
    oid = _relation_of(data)
    schema, position = _text(data, 5)
    name, position = _text(data, position)
    identity = data[position : position + 1].decode()
    (count,) = _INT16.unpack_from(data, position + 1)
    position += 3
    columns = []
    for _ in range(count):
        is_key = bool(data[position] & 1)
        column, position = _text(data, position + 1)
        type_oid, _ = _RELATION_COLUMN.unpack_from(data, position)
        position += _RELATION_COLUMN.size
        columns.append(RelationColumn(column, is_key, type_oid))
    # An empty schema is pg_catalog, to save bytes.
    return _whole(data, position, Relation(oid, schema or "pg_catalog", name, identity, tuple(columns)))


def _relation_of(data: bytes) -> int:
    return int(_UINT32.unpack_from(data, 1)[0])


def _text(data: bytes, begin: int) -> tuple[str, int]:
    end = data.index(b"\0", begin)
    return data[begin:end].decode(), end + 1


def _tuple(data: bytes, begin: int) -> tuple[Values, int]:
    """A row's values, and where it ends."""
    (count,) = _INT16.unpack_from(data, begin)
    position = begin + 2
    values: list[Value] = []
    for _ in range(count):
        kind = data[position]
        position += 1
        if kind == 0x74:  # t
            (length,) = _INT32.unpack_from(data, position)
            position += 4
            values.append(data[position : position + length].decode())
            position += length
        elif kind == 0x6E:  # n
            values.append(None)
        elif kind == 0x75:  # u
            values.append(UNCHANGED)
        else:
            raise ValueError(f"a value of kind {chr(kind)!r} is not of protocol version 1")
    return tuple(values), position


def _whole(data: bytes, end: int, message: M) -> M:
    if end != len(data):
        raise ValueError(f"a pgoutput message of kind {data[:1]!r} has {len(data)} bytes; {end} were expected")
    return message
