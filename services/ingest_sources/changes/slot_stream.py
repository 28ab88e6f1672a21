"""The stream of a slot: takes what comes into parts, and tells the server what is safe."""

import time
from collections.abc import Callable, Generator, Sequence

from headrace.clock import Clock
from headrace.errors import TransientError
from ingest_sources.changes import pgoutput, replication_messages
from ingest_sources.changes.change_rows import ChangeRows
from ingest_sources.changes.change_stream import ChangeStream
from ingest_sources.changes.link import Link, Waiting
from ingest_sources.changes.lsn import lsn_text
from ingest_sources.changes.names import quoted_name, quoted_text
from ingest_sources.changes.position import Position
from ingest_sources.changes.replication_messages import Keepalive
from ingest_sources.changes.snapshot import Limits
from ingest_sources.feeds.feed import FeedPart

Learn = Callable[[Sequence[int]], Waiting[None]]
"""Told the types of columns that a relation has, before the stream takes it."""
_SILENCE_S = 60.0
_MOMENT_S = 0.1


class SlotStream:
    """Reads a slot from a position on.

    The slot moves when a part is committed, and never otherwise. Where only other tables change, a part without rows
    moves it: the server's `wal_end` says that everything committed before it was sent, and what was sent of this table
    is in parts before that one.

    Args:
        link: one that replicates.
        stream, rows: where the messages and what they mean go.
        status_s: the server hears of us at least so often, and the slot moves as often where other tables change.
    """

    def __init__(
        self,
        link: Link,
        place: Position,
        stream: ChangeStream,
        rows: ChangeRows,
        limits: Limits,
        clock: Clock,
        status_s: float,
    ) -> None:
        self._link = link
        self._place = place
        self._stream = stream
        self._rows = rows
        self._limits = limits
        self._clock = clock
        self._status_s = status_s
        self._safe = self._received = place.lsn
        self._size = 0
        self._heard = self._given = self._cut_at = time.monotonic()
        self._told = 0.0

    def start(self, publication: str) -> Waiting[None]:
        """Begins to read.

        Raises:
            TransientError, ConfigurationError: it isn't possible.
        """
        yield from self._link.start_stream(
            f"START_REPLICATION SLOT {quoted_name(self._place.slot)} LOGICAL {lsn_text(self._place.lsn)} "
            f"(proto_version '1', publication_names {quoted_text(quoted_name(publication))})"
        )

    def parts(self, learn: Learn) -> Generator[FeedPart | None, None, None]:
        """As `Feed.parts`; never ends."""
        while True:
            data = self._link.receive()
            is_idle = data is None
            if data is not None:
                yield from self._take(data, learn)
            if (part := self._part(is_idle)) is not None:
                yield part
                self._given = time.monotonic()
            elif is_idle:
                self._link.wait()
            self._keep_alive(is_idle)
            if time.monotonic() - self._given > _MOMENT_S:
                yield None
                self._given = time.monotonic()

    def committed(self, lsn: int) -> None:
        """All that was committed before an LSN is safe.

        Raises:
            TransientError: the connection is lost.
        """
        if lsn > self._safe:
            self._safe = lsn
            self._tell()

    def _take(self, data: bytes, learn: Learn) -> Waiting[None]:
        self._heard = time.monotonic()
        found = replication_messages.decode(data)
        if isinstance(found, Keepalive):
            self._received = max(self._received, found.wal_end)
            self._stream.pass_to(found.wal_end)
            if found.wants_reply:
                self._tell()
            return
        message = pgoutput.decode(found)
        if isinstance(message, pgoutput.Relation):
            yield from learn([column.type_oid for column in message.columns])
        before = self._rows.number
        self._stream.take(message)
        if self._rows.number > before:
            self._size += len(found)

    def _part(self, is_idle: bool) -> FeedPart | None:
        """What was taken, if it is to be given now."""
        count = self._rows.count
        if not (count >= self._limits.rows or self._size >= self._limits.size or (is_idle and count)):
            is_due = is_idle and time.monotonic() - self._cut_at > self._status_s
            if not (is_due and self._stream.position.lsn > self._place.lsn):
                return None
        self._place = self._stream.position
        self._size = 0
        self._cut_at = time.monotonic()
        return FeedPart(self._rows.take(), self._place.cursor())

    def _keep_alive(self, is_idle: bool) -> None:
        now = time.monotonic()
        if now - self._told > self._status_s:
            self._tell(wants_reply=True)
        if is_idle and now - self._heard > _SILENCE_S:
            raise TransientError(f"the server sent nothing for {_SILENCE_S:.0f} s")

    def _tell(self, wants_reply: bool = False) -> None:
        self._link.send(replication_messages.status(self._received, self._safe, self._clock.now_us(), wants_reply))
        self._told = time.monotonic()
