"""What a reading process tells: a stream of frames over a pipe, each a msgpack header and an Arrow IPC body.

The reader works on hostile bytes, so nothing of what it sends is unpickled.
"""

import struct

import msgspec

FRAME = struct.Struct("<QQ")
"""Bytes of the header, bytes of the body."""


class Request(msgspec.Struct):
    """What is to be read; `options` and `limits` are the models as plain values."""

    name: str
    options: dict[str, object]
    limits: dict[str, object]
    after_row: int


class Bad(msgspec.Struct, array_like=True):
    """As `ingest_sources.rows.BadRow`, which can't be imported here: it would load polars into each reader."""

    number: int
    reason: str
    detail: str
    original: bytes


class PartSent(msgspec.Struct, tag="part"):
    """Consecutive rows; the body is a stream of one table with the column `ROW`."""

    end: int
    bad: list[Bad]


class Alive(msgspec.Struct, tag="alive"):
    """Rows up to `end` were skipped, or are in work."""

    end: int


class Facts(msgspec.Struct, tag="facts", frozen=True):
    """How the file is read: what was given or found.

    Attributes:
        encoding, delimiter, quote: of a CSV file only.
    """

    format: str
    compression: str
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None


class Refused(msgspec.Struct, tag="refused"):
    reason: str
    detail: str


class Done(msgspec.Struct, tag="done"):
    """The file was read to its end; `peak_kb` is the most memory the reader had, for tests and measurements."""

    peak_kb: int


Message = PartSent | Alive | Facts | Refused | Done


def framed(message: Message, body: bytes | memoryview = b"") -> tuple[bytes, bytes | memoryview]:
    """The frame's head with the message in it, and the body."""
    header = msgspec.msgpack.encode(message)
    return FRAME.pack(len(header), len(body)) + header, body
