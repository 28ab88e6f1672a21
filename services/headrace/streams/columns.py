"""Keyed state as columns: each key has a row in a numpy array, and each changed row is one cell of the changelog.

Rows are taken and given by number, so that a batch costs one dictionary lookup per record and everything else is done
for all of its keys at once. A row's number means nothing outside the process: after a restore keys have other rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from headrace.streams.batch import Cell

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]
Rows = npt.NDArray[np.intp]

_FIRST_CAPACITY = 64


class Column(NamedTuple):
    """One number of each key.

    Attributes:
        dtype: eight bytes, little-endian, so that cells are the same on every machine: `<i8` or `<f8`.
        blank: what a new key has.
    """

    name: str
    dtype: str
    blank: float


class Table(Protocol):
    """A part of a task's state whose cells' keys begin with a byte of its own."""

    prefix: bytes

    def take_changes(self) -> Iterable[Cell]: ...

    def restore(self, cells: Mapping[bytes, bytes]) -> None: ...

    def __len__(self) -> int: ...


class _RowNumbers(dict[bytes, int]):
    """Looking up an unknown key gives it a row, so that `map` over a batch needs no second pass."""

    __slots__ = ("free", "new")

    def __init__(self) -> None:
        self.free: list[int] = []
        self.new: list[bytes] = []

    def __missing__(self, key: bytes) -> int:
        row = self[key] = self.free.pop() if self.free else len(self)
        self.new.append(key)
        return row


class KeyedColumns:
    """A table of numbers by key, kept in memory and written as cells.

    Args:
        prefix: one byte that its cells' keys begin with.
        columns: their order is the cells' layout; another one is another state schema.

    Arrays given by `table["name"]` are views that are valid until `rows` meets a new key. Who writes into them calls
    `touch`.

    Attributes:
        in_use: which rows belong to a key, shape (rows,).
    """

    def __init__(self, prefix: bytes, columns: Sequence[Column]) -> None:
        if len(prefix) != 1:
            raise ValueError(f"a prefix is one byte, not {prefix!r}")
        self.prefix = prefix
        self.dtype = np.dtype([(column.name, column.dtype) for column in columns])
        self._blank = np.array([tuple(column.blank for column in columns)], self.dtype)
        self._row_of = _RowNumbers()
        self._keys: list[bytes] = []
        self._removed: set[bytes] = set()
        self._data: Records = np.repeat(self._blank, _FIRST_CAPACITY)
        self.in_use: Bools = np.zeros(_FIRST_CAPACITY, np.bool_)
        self._touched = self.in_use.copy()
        self._written = self.in_use.copy()

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, key: bytes) -> bool:
        return key in self._row_of

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A column of all rows, also of unused ones, which are blank."""
        return self._data[name]

    def rows(self, keys: Iterable[bytes], count: int = -1) -> Rows:
        """The row of each key; an unknown key gets a blank one. `count` is how many they are, if known."""
        found = np.fromiter(map(self._row_of.__getitem__, keys), np.intp, count)
        if self._row_of.new:
            self._admit()
        return found

    def keys(self, rows: Rows) -> list[bytes]:
        """The key of each row."""
        return list(map(self._keys.__getitem__, rows.tolist()))

    def items(self) -> Iterable[tuple[bytes, int]]:
        """Each key and its row."""
        return self._row_of.items()

    def records(self, rows: Rows) -> Records:
        """A copy of whole rows."""
        return self._data[rows]

    def write(self, rows: Rows, records: Records) -> None:
        """Replaces whole rows, which count as changed."""
        self._data[rows] = records
        self._touched[rows] = True

    def change(self, row: int) -> np.void:
        """A row to write into; it counts as changed."""
        self._touched[row] = True
        found: np.void = self._data[row]
        return found

    def touch(self, rows: Rows) -> None:
        """Marks rows as changed."""
        self._touched[rows] = True

    def remove(self, rows: Rows) -> None:
        """Forgets keys; a key that was ever written gets a tombstone at the next checkpoint."""
        written = self._written[rows].tolist()
        for row, key, was_written in zip(rows.tolist(), self.keys(rows), written, strict=True):
            del self._row_of[key]
            self._row_of.free.append(row)
            if was_written:
                self._removed.add(key)
        self._data[rows] = self._blank
        for mark in (self.in_use, self._touched, self._written):
            mark[rows] = False

    def take_changes(self) -> Iterator[Cell]:
        """The cells of touched rows and the tombstones of removed ones, since the last call."""
        rows = np.flatnonzero(self._touched)
        self._touched[rows] = False
        self._written[rows] = True
        gone = [key for key in self._removed if key not in self._row_of]
        self._removed.clear()
        contents = self._data[rows].view(f"V{self.dtype.itemsize}").tolist()
        prefix = self.prefix
        cells = zip([prefix + key for key in self.keys(rows)], contents, strict=True)
        return chain(cells, [(prefix + key, None) for key in gone])

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        """Takes the cells of a checkpoint, all of them of this table.

        Raises:
            ValueError: a cell is of another table or has another layout.
        """
        size = self.dtype.itemsize
        if not set(map(len, cells.values())) <= {size}:
            raise ValueError(f"a cell of table {self.prefix!r} has not {size} bytes: it is of another schema")
        if not all(key.startswith(self.prefix) for key in cells):
            raise ValueError(f"a cell's key does not begin with {self.prefix!r}")
        self.rows((key[1:] for key in cells), len(cells))
        count = len(cells)
        self._data[:count] = np.frombuffer(b"".join(cells.values()), self.dtype)
        self._written[:count] = True

    def _admit(self) -> None:
        """Takes note of new keys; those that got a row of a removed key come first."""
        new, row_of = self._row_of.new, self._row_of
        self._reserve(len(row_of))
        reused = len(new) - max(0, len(row_of) - len(self._keys))
        for key in new[:reused]:
            self._keys[row_of[key]] = key
            self.in_use[row_of[key]] = True
        self.in_use[len(self._keys) : len(row_of)] = True
        self._keys += new[reused:]
        new.clear()

    def _reserve(self, count: int) -> None:
        capacity = len(self._data)
        if count <= capacity:
            return
        more = max(count, 2 * capacity) - capacity
        self._data = np.concatenate([self._data, np.repeat(self._blank, more)])
        self.in_use, self._touched, self._written = (
            np.concatenate([mark, np.zeros(more, np.bool_)]) for mark in (self.in_use, self._touched, self._written)
        )


class Tables:
    """The state of a task that is made of several tables."""

    def __init__(self, *tables: Table) -> None:
        self.tables = {table.prefix: table for table in tables}
        if len(self.tables) < len(tables):
            raise ValueError("two tables have the same prefix")

    def __len__(self) -> int:
        """Keys of the first table."""
        return len(next(iter(self.tables.values())))

    def take_changes(self) -> Iterator[Cell]:
        """The changed cells of all tables."""
        return chain.from_iterable([table.take_changes() for table in self.tables.values()])

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        """Takes all cells of a checkpoint into a new state.

        Raises:
            ValueError: a cell is of no table or has another layout.
        """
        parts: dict[bytes, dict[bytes, bytes]] = {prefix: {} for prefix in self.tables}
        for key, content in cells.items():
            if (part := parts.get(key[:1])) is None:
                raise ValueError(f"a cell's key begins with {key[:1]!r}, which no table here has")
            part[key] = content
        for prefix, part in parts.items():
            self.tables[prefix].restore(part)
