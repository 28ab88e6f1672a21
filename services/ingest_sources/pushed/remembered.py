"""Which pushes came before: the memory by which one that is sent again counts once."""

import hashlib
from collections import OrderedDict
from enum import Enum, auto
from typing import NamedTuple

MAX_BYTES = 512 << 20
"""Of remembered bodies: a start reads them again."""


class Seen(Enum):
    """What a push is."""

    NEW = auto()
    AGAIN = auto()
    OTHER_BODY = auto()
    """Its id came before, with another body than now."""


class _Last(NamedTuple):
    offset: int
    time_ms: int
    body: bytes
    size: int


class Remembered:
    """The last pushes of a partition.

    What it knows follows from the records from `since` on and from nothing else. So the ledger keeps that offset alone,
    where all the ids would be written again with each part, and a start that reads those records again knows the same.
    Each id is known by the last record that had it: one that keeps being sent again stays known.

    Args:
        window_ms, count: an id is forgotten when its last record is older by so much than the newest record, by append
            time, or when so many other ids came since; also when there are more than `max_bytes` in their bodies.
    """

    def __init__(self, window_ms: int, count: int, max_bytes: int = MAX_BYTES) -> None:
        self._window_ms = window_ms
        self._count = count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_id: OrderedDict[bytes, _Last] = OrderedDict()

    @property
    def since(self) -> int | None:
        """The offset of the oldest record that is known; None: there is none."""
        for last in self._by_id.values():
            return last.offset
        return None

    def note(self, offset: int, time_ms: int, push_id: str, body: bytes) -> Seen:
        """Tells what a push is and remembers it; offsets only grow."""
        digest = _digest(push_id.encode())
        self.pass_time(time_ms)
        before = self._by_id.pop(digest, None)
        now = _Last(offset, time_ms, _digest(body), len(body))
        self._by_id[digest] = now
        self._bytes += now.size - (before.size if before else 0)
        while len(self._by_id) > self._count or (self._bytes > self._max_bytes and len(self._by_id) > 1):
            self._forget_oldest()
        if before is None:
            return Seen.NEW
        return Seen.AGAIN if before.body == now.body else Seen.OTHER_BODY

    def pass_time(self, time_ms: int) -> None:
        """A record that is no push of this source was appended."""
        while self._by_id and next(iter(self._by_id.values())).time_ms < time_ms - self._window_ms:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, last = self._by_id.popitem(last=False)
        self._bytes -= last.size


def _digest(data: bytes) -> bytes:
    # 96 bits: that any two of a million are one has a probability of 1e-17.
    return hashlib.blake2b(data, digest_size=12).digest()
