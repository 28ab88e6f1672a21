"""Windows that the watermark of their key has passed, but that may still change since the lateness has not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from headrace.streams import aggregates
from headrace.streams.batch import Cell
from headrace.streams.columns import Ints, KeyedColumns, Records, Rows

_START_BYTES = 8
_NONE_KEPT: Mapping[int, int] = {}


class PassedWindows:
    """Windows by key and start, each of them one cell: the key and the start as eight bytes, big-endian."""

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self._table = KeyedColumns(prefix, aggregates.COLUMNS)
        self._of_key: dict[bytes, dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self._table)

    def add(self, keys: Sequence[bytes], starts: Ints, contents: Records) -> None:
        """Takes windows that are not here yet."""
        listed = starts.tolist()
        rows = self._table.rows(map(_cell_key, keys, listed), len(keys))
        self._table.write(rows, contents)
        for key, start, row in zip(keys, listed, rows.tolist(), strict=True):
            self._of_key.setdefault(key, {})[start] = row

    def revise(self, key: bytes, start: int, time: int, value: float) -> aggregates.Content:
        """Adds a reading to a window, which is made if there is none, and returns what it holds then."""
        row = self.of_key(key).get(start)
        if row is None:
            self.add([key], np.array([start]), aggregates.NONE.reshape(1))
            row = self._of_key[key][start]
        content = self._table.change(row)
        aggregates.add_one(content, time, value)
        return cast(aggregates.Content, content.item())

    def of_key(self, key: bytes) -> Mapping[int, int]:
        """The windows of a key: their starts and rows."""
        return self._of_key.get(key, _NONE_KEPT)

    def contents(self, rows: Rows) -> Records:
        """A copy of the aggregates."""
        return self._table.records(rows)

    def remove(self, windows: Iterable[tuple[bytes, int]]) -> None:
        """Removes windows by key and start."""
        rows = []
        for key, start in windows:
            kept = self._of_key[key]
            rows.append(kept.pop(start))
            if not kept:
                del self._of_key[key]
        self._table.remove(np.array(rows, np.intp))

    def take_changes(self) -> Iterator[Cell]:
        """The cells of changed windows, and tombstones of removed ones."""
        return self._table.take_changes()

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        """Takes the cells of a checkpoint.

        Raises:
            ValueError: a cell is of another schema.
        """
        self._table.restore(cells)
        for cell_key, row in self._table.items():
            key, start = cell_key[:-_START_BYTES], cell_key[-_START_BYTES:]
            self._of_key.setdefault(key, {})[int.from_bytes(start, signed=True)] = row


def _cell_key(key: bytes, start: int) -> bytes:
    return key + start.to_bytes(_START_BYTES, signed=True)
