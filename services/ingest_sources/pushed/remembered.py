"""Which pushes came before: the memory by which one that is sent again counts once."""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

MAX_BYTES = 512 << 20
"""Of remembered bodies: a start reads them again."""
MAX_DISPUTED = 1_000
"""Ids that came with several bodies, of which a cursor names the first; of more, a start may take another for it."""


class Seen(Enum):
    """What a push is."""

    NEW = auto()
    AGAIN = auto()
    OTHER_BODY = auto()
    """Its id came before, with another body than now."""


class _Known(NamedTuple):
    """Attributes:
    offset, time_ms, size: of the last record that had the id.
    body: the first one's.
    """

    offset: int
    time_ms: int
    size: int
    body: bytes


class Remembered:
    """The last pushes of a partition.

    What it knows follows from the records from `since` on and from `disputed`. So the ledger keeps these alone, where
    all the ids would be written again with each part, and a start that reads those records again knows the same. Each
    id is known by the last record that had it: one that keeps being sent again stays known. The body that counts is
    the first, which may have come before `since`: where another came too, `disputed` says which it was.

    Args:
        window_ms, count: an id is forgotten when its last record is older by so much than the newest record, by append
            time, or when so many other ids came since; also when there are more than `max_bytes` in their bodies.
        disputed: as it was at the offset `until`, to which records are read again.
    """

    def __init__(
        self,
        window_ms: int,
        count: int,
        max_bytes: int = MAX_BYTES,
        disputed: Mapping[str, str] | None = None,
        until: int = 0,
    ) -> None:
        self._window_ms = window_ms
        self._count = count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_id: OrderedDict[bytes, _Known] = OrderedDict()
        self._disputed: dict[bytes, bytes] = {}
        self._told = {_unwritten(push_id): _unwritten(body) for push_id, body in (disputed or {}).items()}
        self._until = until

    @property
    def since(self) -> int | None:
        """The offset of the oldest record that is known; None: there is none."""
        for last in self._by_id.values():
            return last.offset
        return None

    @property
    def disputed(self) -> dict[str, str]:
        """The first body of each id that came with several, as hashes."""
        found = {**self._told, **self._disputed}
        return {_written(push_id): _written(body) for push_id, body in found.items()}

    def note(self, offset: int, time_ms: int, push_id: str, body: bytes) -> Seen:
        """Tells what a push is and remembers it; offsets only grow."""
        if offset >= self._until:
            self._told = {}
        digest, body_digest = _digest(push_id.encode()), _digest(body)
        self.pass_time(time_ms)
        before = self._by_id.pop(digest, None)
        first = before.body if before else self._told.get(digest, body_digest)
        self._by_id[digest] = _Known(offset, time_ms, len(body), first)
        if first != body_digest:
            self._disputed[digest] = first
            if len(self._disputed) > MAX_DISPUTED:
                del self._disputed[next(iter(self._disputed))]
        self._bytes += len(body) - (before.size if before else 0)
        while len(self._by_id) > self._count or (self._bytes > self._max_bytes and len(self._by_id) > 1):
            self._forget_oldest()
        if before is None:
            return Seen.NEW
        return Seen.AGAIN if first == body_digest else Seen.OTHER_BODY

    def pass_time(self, time_ms: int) -> None:
        """A record that is no push of this source was appended."""
        while self._by_id and next(iter(self._by_id.values())).time_ms < time_ms - self._window_ms:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        digest, last = self._by_id.popitem(last=False)
        self._disputed.pop(digest, None)
        self._bytes -= last.size


def _digest(data: bytes) -> bytes:
    # 96 bits: that any two of a million are one has a probability of 1e-17.
    return hashlib.blake2b(data, digest_size=12).digest()


def _written(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _unwritten(text: str) -> bytes:
    return base64.b64decode(text)
