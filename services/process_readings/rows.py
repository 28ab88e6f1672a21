"""The recent readings of one series: columns in memory, and how they become cells.

Rows are kept in the order of event time, those of one time in the order of arrival. In cells they are kept in chunks:
each full chunk of the newest rows is sealed into a cell of its own, which never changes and is deleted when all its
rows are forgotten; the rest is the tail, which is written again with each change of the series.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import repeat
from struct import Struct

import numpy as np

CHUNK_ROWS = 16
"""Rows of a sealed chunk. More would make the tail longer, that is written with each checkpoint; fewer, more cells."""
KEPT_READINGS = 64
"""Newest readings whose identity is remembered even beyond the allowed lateness, so that a repeat from a device that
reports rarely is recognised."""
_TRUNCATE_FROM = 64
_BEGINNING = -(1 << 63)
_BLOCK = Struct("<H?")

Row = tuple[int, float, int]
"""Time, value and print."""


class Rows:
    """Readings of one series, 16 bytes a row, or 24 where one of them has a print.

    Attributes:
        times: event times in microseconds.
        values: the value, or NaN for a reading that is in no window (text, boolean, out of range, retained).
        prints: tells apart readings of equal time and value, see `identity.fingerprint`; None as long as all are 0.
        sealed: rows before this position are in chunks or among the loose ones, those from it on are the tail.
        loose: unsealed rows that came out of order, in the order of arrival.
        first_chunk: number of the oldest chunk that is not deleted.
        chunk_ends: the greatest time of each chunk from that one on.
        cut: rows older than this are forgotten.
    """

    __slots__ = (
        "_unwritten",
        "chunk_ends",
        "cut",
        "first_chunk",
        "loose",
        "prints",
        "sealed",
        "times",
        "values",
    )

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")
        self.prints: array[int] | None = None
        self.sealed = 0
        self.loose: list[Row] | None = None
        self.first_chunk = 0
        self.chunk_ends = array("q")
        self.cut = _BEGINNING
        self._unwritten: dict[int, bytes | None] | None = None

    def print_at(self, position: int) -> int:
        """The print of a row."""
        return self.prints[position] if self.prints is not None else 0

    def is_newest(self, time: int) -> bool:
        """Whether a time is after those of all rows."""
        return not self.times or time > self.times[-1]

    def insert(self, position: int, time: int, value: float, print_: int) -> None:
        """Puts a row at its place: after all rows that are not younger."""
        if position == len(self.times):
            self.append(time, value, print_)
            return
        self.seal()
        if print_ and self.prints is None:
            self._start_prints()
        self.times.insert(position, time)
        self.values.insert(position, value)
        if self.prints is not None:
            self.prints.insert(position, print_)
        if position < self.sealed:
            self.sealed += 1
            self._add_loose((time, value, print_))

    def append(self, time: int, value: float, print_: int) -> None:
        """Adds a row that is older than none."""
        if print_ and self.prints is None:
            self._start_prints()
        self.times.append(time)
        self.values.append(value)
        if self.prints is not None:
            self.prints.append(print_)

    def add_print(self, print_: int) -> None:
        """Adds the print of a row whose time and value were added already."""
        if self.prints is None:
            self.prints = array("q", bytes(8 * (len(self.times) - 1)))
        self.prints.append(print_)

    def truncate(self, before: int) -> bool:
        """Forgets readings older than `before`, except the newest few; works in steps, so that it costs little.

        Rows of one time stay together, so that the time alone says what is forgotten.

        Returns:
            Whether any were forgotten.
        """
        times = self.times
        drop = min(bisect_left(times, before), len(times) - KEPT_READINGS)
        if drop < _TRUNCATE_FROM:
            return False
        drop = bisect_left(times, times[drop])
        if drop:
            self.seal()
            self._forget(drop, min(before, times[drop]))
        return drop > 0

    def seal(self) -> None:
        """Makes chunks of the tail while it is long enough; calling it later gives the same ones."""
        while len(self.times) - self.sealed >= CHUNK_ROWS:
            begin, end = self.sealed, self.sealed + CHUNK_ROWS
            self._add_chunk(self._block(begin, end), self.times[end - 1])
            self.sealed = end

    def take_chunks(self) -> Collection[tuple[int, bytes | None]]:
        """Numbers and contents of chunks that are new since the last call; None for those that are deleted."""
        if len(self.times) - self.sealed >= CHUNK_ROWS:
            self.seal()
        if self._unwritten is None:
            return ()
        chunks, self._unwritten = self._unwritten.items(), None
        return chunks

    def chunk_numbers(self) -> range:
        """The chunks that are not deleted."""
        return range(self.first_chunk, self.first_chunk + len(self.chunk_ends))

    def tail(self) -> bytes:
        """The rows that are in no chunk; call `take_chunks` first."""
        block = self._block(self.sealed, len(self.times))
        return block + (_block_of(self.loose) if self.loose else _NO_ROWS)

    def restore(self, chunks: Sequence[bytes], content: bytes, at: int) -> int:
        """Takes the chunks in the order of their numbers, and the tail from a place in a cell's content.

        Returns:
            The place after the tail.

        Raises:
            ValueError: the chunks or the tail are cut short.
        """
        for chunk in chunks:
            count = len(self.times)
            if self._take_block(chunk, 0) != len(chunk):
                raise ValueError(f"{len(chunk)} bytes are no chunk")
            self.chunk_ends.append(max(self.times[count:]))
        tail_from = len(self.times)
        at = self._take_block(content, at)
        loose_from = len(self.times)
        tail_rows = loose_from - tail_from
        at = self._take_block(content, at)
        if loose_from < len(self.times):
            prints = self.prints[loose_from:] if self.prints is not None else repeat(0)
            self.loose = list(zip(self.times[loose_from:], self.values[loose_from:], prints, strict=False))
        if chunks or self.loose:
            self._sort()
        self.sealed = len(self.times) - tail_rows
        return at

    def _start_prints(self) -> None:
        self.prints = array("q", bytes(8 * len(self.times)))

    def _add_loose(self, row: Row) -> None:
        if self.loose is None:
            self.loose = []
        self.loose.append(row)
        if len(self.loose) >= CHUNK_ROWS:
            self._add_chunk(_block_of(self.loose), max(time for time, _, _ in self.loose))
            self.loose = None

    def _add_chunk(self, content: bytes, end: int) -> None:
        if self._unwritten is None:
            self._unwritten = {}
        self._unwritten[self.first_chunk + len(self.chunk_ends)] = content
        self.chunk_ends.append(end)

    def _forget(self, drop: int, cut: int) -> None:
        self._delete(drop)
        self.sealed = max(0, self.sealed - drop)
        self.cut = cut
        # A chunk goes when those before it have gone, so that the first number and the count say which ones there are.
        while self.chunk_ends and self.chunk_ends[0] < cut:
            del self.chunk_ends[0]
            if self._unwritten is None:
                self._unwritten = {}
            self._unwritten[self.first_chunk] = None
            self.first_chunk += 1

    def _block(self, begin: int, end: int) -> bytes:
        times, values = self.times[begin:end].tobytes(), self.values[begin:end].tobytes()
        if self.prints is not None:
            prints = self.prints[begin:end]
            if any(prints):
                return _BLOCK.pack(end - begin, True) + times + values + prints.tobytes()
        return _BLOCK.pack(end - begin, False) + times + values

    def _take_block(self, content: bytes, at: int) -> int:
        count: int
        count, has_prints = _BLOCK.unpack_from(content, at)
        at += _BLOCK.size
        if not count:
            return at
        size = 8 * count
        if at + (3 if has_prints else 2) * size > len(content):
            raise ValueError(f"{count} rows in {len(content) - at} bytes")
        if has_prints and self.prints is None:
            self._start_prints()
        self.times.frombytes(content[at : at + size])
        self.values.frombytes(content[at + size : at + 2 * size])
        at += 2 * size
        if has_prints and self.prints is not None:
            self.prints.frombytes(content[at : at + size])
            return at + size
        if self.prints is not None:
            self.prints.frombytes(bytes(size))
        return at

    def _sort(self) -> None:
        """Orders by time and drops what is before the cut; rows of one time stay in the order of arrival."""
        times = np.array(self.times)
        if len(times) > 1 and (times[1:] < times[:-1]).any():
            order = np.argsort(times, kind="stable")
            self.times = array("q", times[order].tobytes())
            self.values = array("d", np.array(self.values)[order].tobytes())
            if self.prints is not None:
                self.prints = array("q", np.array(self.prints)[order].tobytes())
        forgotten = bisect_left(self.times, self.cut)
        if forgotten:
            self._delete(forgotten)

    def _delete(self, count: int) -> None:
        del self.times[:count], self.values[:count]
        if self.prints is not None:
            del self.prints[:count]


def _block_of(rows: Sequence[Row]) -> bytes:
    times, values, prints = zip(*rows, strict=True)
    columns = array("q", times).tobytes() + array("d", values).tobytes()
    if any(prints):
        return _BLOCK.pack(len(rows), True) + columns + array("q", prints).tobytes()
    return _BLOCK.pack(len(rows), False) + columns


_NO_ROWS = _BLOCK.pack(0, False)
