"""The newest window of each key: the one its watermark is in. A reading on time falls into it or opens a newer one."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.streams import aggregates
from headrace.streams.by_key import ByKey, lengths_of
from headrace.streams.columns import Bools, Column, Floats, Ints, KeyedColumns, Records, Rows
from headrace.streams.watermarks import Progress


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings in the order of their group, all columns of the same length.

    Attributes:
        runs: index of each one's key in the group.
        times: microseconds UTC, clamped.
        positions: in the batch.
        starts: where a window that the reading opens would start, microseconds UTC.
        opens: whether it is past the end of the window that its key's watermark is in, or its key's first.
    """

    runs: Rows
    times: Ints
    values: Floats
    positions: Rows
    starts: Ints
    opens: Bools

    def __len__(self) -> int:
        return len(self.runs)

    @classmethod
    def of(cls, group: ByKey, progress: Progress, values: Floats, starts: Ints, opens: Bools) -> Self:
        """Those of a batch whose values are in arrival order."""
        # Adding zero makes a negative zero positive: which of the two is the least must not depend on the order.
        return cls(group.run_of_each(), progress.times, values[group.order] + 0.0, group.order, starts, opens)

    def take(self, index: Rows) -> Self:
        """Some of them."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Segments:
    """Readings in parts of one key and window each.

    Attributes:
        begins, lengths: where they are among the readings.
        first: whether each is the first of its key.
        opens: whether it is a new window, and not one that the table holds.
        starts: of the windows.
    """

    begins: Rows
    lengths: Rows
    rows: Rows
    first: Bools
    opens: Bools
    starts: Ints


@dataclass(frozen=True, slots=True)
class Closed:
    """Windows that the watermark has passed.

    Attributes:
        emitted: the count with which each was emitted before, or 0.
        positions, times: of the readings that opened newer ones.
    """

    rows: Rows
    starts: Ints
    contents: Records
    emitted: Ints
    positions: Rows
    times: Ints


class NewestWindows:
    """The newest windows in a table that has `COLUMNS`."""

    COLUMNS = (Column("start", "<i8", 0), *aggregates.COLUMNS, Column("emitted", "<i8", 0))
    """`emitted` is the count with which the window was last emitted, or 0."""

    def __init__(self, table: KeyedColumns) -> None:
        self._table = table

    def contents(self, rows: Rows) -> Records:
        """A copy of the aggregates."""
        found = np.empty(len(rows), aggregates.DTYPE)
        for name in aggregates.NAMES:
            found[name] = self._table[name][rows]
        return found

    def take_quiet(self, quiet_since: int) -> Rows:
        """The keys without a record since an append time whose window changed since it was emitted; now it is."""
        table = self._table
        rows = np.flatnonzero((table["appended"] <= quiet_since) & (table["count"] > table["emitted"]))
        table["emitted"][rows] = table["count"][rows]
        table.touch(rows)
        return rows

    def add(self, group: ByKey, readings: Readings) -> Closed | None:
        """Adds readings, each to the window that its key's watermark is in then, or to one that it opens."""
        segments = self.segments(group, readings)
        rows, first, opens, starts = segments.rows, segments.first, segments.opens, segments.starts
        held, table = self.contents(rows), self._table
        held_starts, held_emitted = table["start"][rows], table["emitted"][rows]
        contents, emitted = held.copy(), np.where(opens, 0, held_emitted)
        contents[opens] = aggregates.NONE
        aggregates.add_segments(contents, segments.begins, segments.lengths, readings.times, readings.values)
        last = np.concatenate((first[1:], [True]))
        self._keep(rows[last], starts[last], contents[last], emitted[last])
        closes = np.flatnonzero(opens & (~first | (held["count"] > 0)))
        if not len(closes):
            return None
        opener = segments.begins[closes]
        return Closed(
            rows[closes],
            _before(segments, closes, held_starts, starts),
            _before(segments, closes, held, contents),
            _before(segments, closes, held_emitted, emitted),
            readings.positions[opener],
            readings.times[opener],
        )

    def segments(self, group: ByKey, readings: Readings) -> Segments:
        """Cuts readings where another key or window begins."""
        changes = np.concatenate(([True], readings.runs[1:] != readings.runs[:-1]))
        begins = np.flatnonzero(changes | readings.opens)
        rows, opens = group.rows[readings.runs[begins]], readings.opens[begins]
        starts = np.where(opens, readings.starts[begins], self._table["start"][rows])
        return Segments(begins, lengths_of(begins, len(readings)), rows, changes[begins], opens, starts)

    def _keep(self, rows: Rows, starts: Ints, contents: Records, emitted: Ints) -> None:
        table = self._table
        table["start"][rows] = starts
        table["emitted"][rows] = emitted
        for name in aggregates.NAMES:
            table[name][rows] = contents[name]


def _before(segments: Segments, which: Rows, held: NDArray[Any], of_segments: NDArray[Any]) -> NDArray[Any]:
    """What segments follow on: the one before in their run or, the first of their run, what the table held."""
    found = held[which]
    follows = ~segments.first[which]
    found[follows] = of_segments[which[follows] - 1]
    return found
