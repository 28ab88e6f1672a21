"""The newest window of each key: the one its watermark is in. A reading on time falls into it or opens a newer one."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

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

    def add(self, group: ByKey, readings: Readings) -> Closed:
        """Adds readings, each to the window that its key's watermark is in then, or to one that it opens."""
        segments = self.segments(group, readings)
        rows, first, opens, starts = segments.rows, segments.first, segments.opens, segments.starts
        held, table = self.contents(rows), self._table
        held_starts, held_emitted = table["start"][rows], table["emitted"][rows]
        contents = held.copy()
        contents[opens] = aggregates.NONE
        emitted = np.where(opens, 0, held_emitted)
        aggregates.add_segments(contents, segments.begins, segments.lengths, readings.times, readings.values)
        last = np.concatenate((first[1:], [True]))
        self._keep(rows[last], starts[last], contents[last], emitted[last])
        # What a segment closes is that before it in its run or, the first of its run, what the table held.
        follows = np.flatnonzero(~first)
        for of_held, of_segments in ((held, contents), (held_starts, starts), (held_emitted, emitted)):
            of_held[follows] = of_segments[follows - 1]
        closes = np.flatnonzero(opens & (held["count"] > 0))
        opener = segments.begins[closes]
        return Closed(
            rows[closes],
            held_starts[closes],
            held[closes],
            held_emitted[closes],
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
