"""State of one small content of bytes under each key, in memory or on disk."""

from collections.abc import Iterable, Iterator

from headrace.streams.batch import Cell, Cells, compact


class KeyedCells:
    """Implements `TaskState` for rules that decode and encode what they keep of a key, such as a user's last items.

    A key is one cell. Where the cells are is the stage's choice: `Stage(..., new_cells=dict)` holds them in memory,
    `new_cells=partial(DiskCells, folder)` on disk, and in memory what was read or changed since the last checkpoint.
    """

    def __init__(self) -> None:
        self._cells: Cells = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._read: dict[bytes, bytes | None] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: bytes) -> bytes | None:
        """What is kept under a key; it is looked up once between two checkpoints."""
        if key in self._changed:
            return self._changed[key]
        if key not in self._read:
            self._read[key] = self._cells.get(key)
        return self._read[key]

    def put(self, key: bytes, content: bytes) -> None:
        """Keeps a content under a key."""
        self._count += self.get(key) is None
        self._changed[key] = content

    def delete(self, key: bytes) -> None:
        """Forgets a key, if it is there."""
        if self.get(key) is not None:
            self._count -= 1
            self._changed[key] = None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and contents, in the order of the keys; read it to its end before the next change."""
        compact(self._cells, self._changed.items())
        cells = self._cells
        return iter(sorted(cells.items()) if isinstance(cells, dict) else cells.items())

    def take_changes(self) -> Iterable[Cell]:
        """The cells that changed since the last call, each key once."""
        changes, self._changed, self._read = self._changed, {}, {}
        compact(self._cells, changes.items())
        return changes.items()

    def restore(self, cells: Cells) -> None:
        """Takes all cells of a checkpoint, and keeps its own in the same mapping from now on."""
        self._cells, self._changed, self._read, self._count = cells, {}, {}, len(cells)
