"""Windows that are to be emitted, as columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headrace.streams import aggregates
from headrace.streams.columns import Bools, Ints, Records, Rows

Row = tuple[bytes, int, int, int, float, float, float, float, int, bool, int]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows as they are at one moment each; all columns have the same length.

    The pair of key and start is a window's identity. Its revision follows from its content, so that a replay has the
    same: twice the number of its readings, plus one when it is final.

    Attributes:
        starts, ends: microseconds UTC; ends are excluded.
        contents: the columns of `aggregates.COLUMNS`; a window without a reading is one that is taken back.
        final: whether nothing will change the window any more.
        revisions: rising with each change of a window.
        positions: in the batch, of the reading that each follows from, rising.
    """

    keys: Sequence[bytes]
    starts: Ints
    ends: Ints
    contents: Records
    final: Bools
    revisions: Ints
    positions: Rows

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self) -> Iterator[Row]:
        """Key, start, end, the aggregates in the order of their columns, final and revision of each window."""
        columns = (self.contents[name].tolist() for name in aggregates.NAMES)
        bounds = (self.starts.tolist(), self.ends.tolist())
        return zip(self.keys, *bounds, *columns, self.final.tolist(), self.revisions.tolist(), strict=True)


class Emissions:
    """Collects the windows that a batch leads to, each with the position of the reading that it follows from."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._places: list[tuple[Rows, Ints, Ints]] = []
        self._contents: list[Records] = []
        self._states: list[tuple[Bools, Ints]] = []

    def add(
        self, positions: Rows, keys: Sequence[bytes], starts: Ints, ends: Ints, contents: Records, final: Bools
    ) -> None:
        """Takes windows in any order of position."""
        self._keys += keys
        self._places.append((positions, starts, ends))
        self._contents.append(contents)
        self._states.append((final, 2 * contents["count"] + final))

    def take_back(self, position: int, key: bytes, counts: Mapping[int, int]) -> None:
        """Takes windows that are no more; they were last emitted with these counts, by start."""
        starts, held = np.array([*counts]), np.array([*counts.values()])
        self._keys += [key] * len(counts)
        self._places.append((np.full(len(counts), position), starts, starts))
        self._contents.append(np.repeat(aggregates.NONE, len(counts)))
        self._states.append((np.ones(len(counts), np.bool_), 2 * held + 1))

    def windows(self) -> Windows:
        """What was collected, in the order of the positions, and of the starts where one reading led to several."""
        if not self._keys:
            nothing = np.empty(0, np.int64)
            return Windows([], nothing, nothing, np.empty(0, aggregates.DTYPE), np.empty(0, np.bool_), nothing, nothing)
        positions, starts, ends = (np.concatenate(column) for column in zip(*self._places, strict=True))
        final, revisions = (np.concatenate(column) for column in zip(*self._states, strict=True))
        order = np.lexsort((starts, positions))
        keys = list(map(self._keys.__getitem__, order.tolist()))
        contents = np.concatenate(self._contents)[order]
        bounds = (starts[order], ends[order])
        return Windows(keys, *bounds, contents, final[order], revisions[order], positions[order])
