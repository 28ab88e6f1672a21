"""What goes over a replication connection around the changes: data, signs of life, and how far we are.

PostgreSQL's documentation, section "Streaming Replication Protocol".
"""

import struct
from dataclasses import dataclass

_DATA = struct.Struct("!cQQq")
_KEEPALIVE = struct.Struct("!cQq?")
_STATUS = struct.Struct("!cQQQq?")
EPOCH_US = 946_684_800_000_000
"""2000-01-01 as microseconds UTC, from which PostgreSQL counts."""


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Attributes:
    wal_end: all that was committed before this LSN has been sent.
    wants_reply: it is time for a status.
    """

    wal_end: int
    wants_reply: bool


def decode(message: bytes) -> Keepalive | bytes:
    """A sign of life, or the output plugin's message.

    Raises:
        ValueError: it is neither.
    """
    kind = message[:1]
    if kind == b"w" and len(message) > _DATA.size:
        return message[_DATA.size :]
    if kind == b"k" and len(message) == _KEEPALIVE.size:
        _, wal_end, _, wants_reply = _KEEPALIVE.unpack(message)
        return Keepalive(wal_end, wants_reply)
    raise ValueError(f"a replication message of kind {kind!r} and {len(message)} bytes is unknown")


def status(received: int, safe: int, now_us: int, wants_reply: bool) -> bytes:
    """What tells the server how far we are.

    Args:
        received: LSN up to which all was received; without consequences.
        safe: LSN before which nothing is needed again: the slot moves there, and the server forgets what is before.
        now_us: microseconds UTC.
        wants_reply: a sign of life is asked for.
    """
    return _STATUS.pack(b"r", received, safe, safe, now_us - EPOCH_US, wants_reply)
