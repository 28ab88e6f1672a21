"""A log of small pieces of bytes in cells: a new piece rewrites the last cell alone, and old cells go as a whole."""

import struct
from collections.abc import Iterator

from headrace.streams.batch import Cell

_NEWEST = struct.Struct(">q")
_BEGIN = _NEWEST.size
_NUMBER = struct.Struct(">I")


class Chunks:
    """Pieces in order of arrival, in chunks that know the append time of their newest piece.

    Args:
        prefix: of the keys of its cells.
        size: bytes of pieces in a chunk; a larger piece has one of its own.
        most: chunks; the oldest goes for a new one.
        first: number of the oldest chunk.
        contents: of the chunks, the oldest first.
    """

    __slots__ = ("_changed", "_contents", "_gone", "_most", "_prefix", "_size", "first")

    def __init__(
        self, prefix: bytes, size: int, most: int, first: int = 0, contents: list[bytes] | None = None
    ) -> None:
        self.first = first
        self._prefix = prefix
        self._size = size
        self._most = most
        self._contents = [] if contents is None else contents
        self._changed: set[int] | None = None
        self._gone: set[int] | None = None

    def __len__(self) -> int:
        """Chunks."""
        return len(self._contents)

    def place(self) -> tuple[int, int]:
        """Number of the oldest chunk, and how many there are."""
        return self.first, len(self._contents)

    def parts(self) -> Iterator[bytes]:
        """The pieces of each chunk, joined; the newest chunk first."""
        return (content[_BEGIN:] for content in reversed(self._contents))

    def has(self, piece: bytes) -> bool:
        """Whether a piece is there, where all are of its length."""
        size = len(piece)
        for content in reversed(self._contents):
            at = content.find(piece, _BEGIN)
            while at >= 0:
                if (at - _BEGIN) % size == 0:
                    return True
                at = content.find(piece, at + 1)
        return False

    def add(self, piece: bytes, now: int) -> None:
        """Takes a piece that was appended now."""
        contents = self._contents
        if contents and len(contents[-1]) + len(piece) <= self._size + _BEGIN:
            newest = max(now, _NEWEST.unpack_from(contents[-1])[0])
            contents[-1] = b"".join((_NEWEST.pack(newest), contents[-1][_BEGIN:], piece))
        else:
            contents.append(_NEWEST.pack(now) + piece)
            if len(contents) > self._most:
                self._drop_first()
        changed = self.first + len(contents) - 1
        if self._changed is None:
            self._changed = {changed}
        else:
            self._changed.add(changed)

    def expire(self, oldest: int) -> None:
        """Drops the chunks of which no piece is newer than `oldest`."""
        contents = self._contents
        while contents and _NEWEST.unpack_from(contents[0])[0] <= oldest:
            self._drop_first()

    def clear(self) -> None:
        """Drops all."""
        while self._contents:
            self._drop_first()

    def take_changes(self) -> Iterator[Cell]:
        """The cells that changed since the last call; run it to its end."""
        for number in self._gone or ():
            yield key_of(self._prefix, number), None
        for number in self._changed or ():
            yield key_of(self._prefix, number), self._contents[number - self.first]
        self._gone = self._changed = None

    def _drop_first(self) -> None:
        del self._contents[0]
        if self._changed is not None:
            self._changed.discard(self.first)
        self._gone = {self.first, *(self._gone or ())}
        self.first += 1


def key_of(prefix: bytes, number: int) -> bytes:
    """The key of a chunk's cell."""
    return prefix + _NUMBER.pack(number)
