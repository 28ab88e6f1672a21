"""What a state learned since its last snapshot, as cells that hold a few entries each."""

from collections.abc import Iterator
from struct import Struct

from headrace.streams.batch import Cell, Cells

CHUNK_ENTRIES = 64
CHUNK_BYTES = 64_000
"""A cell is closed at so many entries, or bytes; an open one is written again at each checkpoint."""
_NUMBER = Struct(">I")
_LENGTH = Struct("<I")


class Journal:
    """Entries of bytes, in order.

    A cell's content is a function of the entries alone: where it ends doesn't depend on where checkpoints are cut. Its
    key is its number after a prefix; after `clear` numbers begin again, so that the keys stay few.

    Args:
        prefix: of the cells' keys.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._cells: list[bytearray] = []
        self._open_entries = 0
        self._written = 0
        self._first_changed = 0
        self.entries = 0
        self.size = 0

    def append(self, entry: bytes) -> None:
        """Adds an entry, which may be of any length that a record can hold."""
        cells = self._cells
        if not cells or self._open_entries >= CHUNK_ENTRIES or len(cells[-1]) + len(entry) > CHUNK_BYTES:
            cells.append(bytearray())
            self._open_entries = 0
        cell = cells[-1]
        cell += _LENGTH.pack(len(entry))
        cell += entry
        self._open_entries += 1
        self.entries += 1
        self.size += len(entry)

    def clear(self) -> None:
        """Forgets all entries."""
        self._cells = []
        self._open_entries = self._first_changed = self.entries = self.size = 0

    def take_changes(self) -> Iterator[Cell]:
        """The cells that changed since the last call."""
        cells = self._cells
        for number in range(self._first_changed, len(cells)):
            yield self._key(number), bytes(cells[number])
        for number in range(len(cells), self._written):
            yield self._key(number), None
        self._written = len(cells)
        # The last one may still grow.
        self._first_changed = max(len(cells) - 1, 0)

    def restore(self, cells: Cells) -> Iterator[bytes]:
        """Takes the cells of its prefix out of all cells, and gives their entries in order.

        Raises:
            ValueError: one is missing or damaged.
        """
        size = len(self._prefix) + _NUMBER.size
        keys = sorted(key for key in cells if key.startswith(self._prefix) and len(key) == size)
        contents = [cells.pop(key) for key in keys]
        if keys != [self._key(number) for number in range(len(keys))]:
            raise ValueError(f"a cell of the journal is missing; there are {len(keys)}")
        for content in contents:
            self._cells.append(bytearray(content))
            self._open_entries = 0
            for entry in _entries(content):
                self._open_entries += 1
                self.entries += 1
                self.size += len(entry)
                yield entry
        self._written = len(keys)
        self._first_changed = max(len(keys) - 1, 0)

    def _key(self, number: int) -> bytes:
        return self._prefix + _NUMBER.pack(number)


def _entries(content: bytes) -> Iterator[bytes]:
    at, end = 0, len(content)
    while at < end:
        if at + _LENGTH.size > end:
            raise ValueError("a cell of the journal ends amid a length")
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if at + length > end:
            raise ValueError("a cell of the journal ends amid an entry")
        yield content[at : at + length]
        at += length
