"""Session windows in event time: a session of a key ends when nothing came for a gap.

A late reading may move a session's start or join two sessions. The identity that is gone with that, if it was ever
emitted, is taken back: it is emitted once more, as final and without a reading.
"""

from typing import Any

import numpy as np

from headrace.streams import aggregates
from headrace.streams.by_key import ByKey
from headrace.streams.columns import Bools, Floats, Ints, KeyedColumns, Records
from headrace.streams.event_windows import Added, EventWindows
from headrace.streams.newest_windows import Closed, Readings
from headrace.streams.watermarks import Progress
from headrace.streams.windows import Emissions


class SessionWindows(EventWindows):
    """Readings of a key each less than a gap after the one before. A session ends a gap after its last reading.

    A reading is late if it is further behind the watermark than the lateness. It could join no session that is final.

    Args:
        gap_us: of event time, at least 1.
    """

    def __init__(self, table: KeyedColumns, gap_us: int, lateness_us: int, prefix: bytes) -> None:
        super().__init__(table, lateness_us, prefix)
        self._gap = gap_us

    def add(self, group: ByKey, progress: Progress, values: Floats) -> Added:
        times, before = progress.times, progress.before
        readings = Readings.of(group, progress, values, times, times - before >= self._gap)
        emissions, is_late = Emissions(), times < before - self._lateness
        if (times >= before).all():
            self._add_on_time(group, readings, emissions)
        else:
            self._add_disordered(group, progress, readings.take(np.flatnonzero(~is_late)), emissions)
        if self._lateness:
            self._take_final(group, progress, np.flatnonzero(progress.new > progress.old), emissions)
        return Added(emissions.windows(), np.sort(group.order[is_late]))

    def _ends(self, starts: Ints, contents: Records) -> Ints:
        ends: Ints = contents["last_us"] + self._gap
        return ends

    def _add_disordered(self, group: ByKey, progress: Progress, readings: Readings, emissions: Emissions) -> None:
        """Does the keys one by one that have a reading before their newest session, and the others at once."""
        if not len(readings):
            return
        one_by_one = self._with_older(group, readings)
        of_each = one_by_one[readings.runs]
        self._add_on_time(group, readings.take(np.flatnonzero(~of_each)), emissions)
        readings = readings.take(np.flatnonzero(of_each))
        columns = (readings.runs, readings.positions, readings.times, readings.values)
        watermarks = dict(enumerate(progress.old.tolist()))
        for run, position, time, value in zip(*(column.tolist() for column in columns), strict=True):
            self._add_one(int(group.rows[run]), watermarks[run], position, time, value, emissions)
            watermarks[run] = max(watermarks[run], time)

    def _with_older(self, group: ByKey, readings: Readings) -> Bools:
        """Which runs have a reading before the session that was the newest when it came."""
        segments = self._newest.segments(group, readings)
        older = readings.times < np.repeat(segments.starts, segments.lengths)
        found = np.zeros(len(group.rows), np.bool_)
        found[readings.runs[older]] = True
        return found

    def _add_one(self, row: int, watermark: int, position: int, time: int, value: float, emissions: Emissions) -> None:
        newest = self._table.change(row)
        if time - watermark >= self._gap:
            if newest["count"]:
                self._close(self._closed(row, position, time), emissions)
            _set(newest, time, aggregates.NONE, emitted=0)
        if time >= newest["start"]:
            aggregates.add_one(newest, time, value)
        else:
            self._join(row, newest, position, time, value, emissions)

    def _closed(self, row: int, position: int, time: int) -> Closed:
        rows, table = np.array([row]), self._table
        contents = self._newest.contents(rows)
        opener = (np.array([position]), np.array([time]))
        return Closed(rows, table["start"][rows], contents, table["emitted"][rows], *opener)

    def _join(self, row: int, newest: np.void, position: int, time: int, value: float, emissions: Emissions) -> None:
        """Adds a reading that is before the newest session of its key, to the sessions that it is close to."""
        (key,) = self._table.keys(np.array([row]))
        joined = aggregates.NONE.reshape(1).copy()
        aggregates.add_one(joined[0], time, value)
        emitted = self._take_close_ones(key, time, joined)
        joins_newest = newest["start"] - time < self._gap
        if joins_newest:
            aggregates.merge(joined[0], newest)
            if newest["emitted"]:
                emitted[int(newest["start"])] = int(newest["emitted"])
        start = min([time, *emitted])
        count = emitted.pop(start, 0)
        if emitted:
            emissions.take_back(position, key, emitted)
        if joins_newest:
            _set(newest, start, joined[0], count)
        else:
            starts = np.array([start])
            self.passed.add([key], starts, joined)
            self._emit(np.array([position]), [key], starts, joined, np.zeros(1, np.bool_), emissions)

    def _take_close_ones(self, key: bytes, time: int, joined: Records) -> dict[int, int]:
        """Moves the passed sessions that are close to a time into another, and returns their starts and counts."""
        taken = {}
        for start, row in sorted(self.passed.of_key(key).items()):
            content = self.passed.contents(np.array([row]))[0]
            if start - self._gap < time < content["last_us"] + self._gap:
                aggregates.merge(joined[0], content)
                taken[start] = int(content["count"])
        self.passed.remove((key, start) for start in taken)
        return taken


def _set(newest: np.void, start: int, contents: Any, emitted: int) -> None:
    newest["start"], newest["emitted"] = start, emitted
    for name in aggregates.NAMES:
        newest[name] = contents[name]
