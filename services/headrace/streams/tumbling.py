"""Tumbling windows in event time, for all keys of a batch at once."""

import numpy as np

from headrace.streams import aggregates
from headrace.streams.by_key import ByKey
from headrace.streams.columns import Floats, Ints, KeyedColumns, Records, Rows
from headrace.streams.event_windows import Added, EventWindows
from headrace.streams.newest_windows import Readings
from headrace.streams.watermarks import Progress
from headrace.streams.windows import Emissions


class TumblingWindows(EventWindows):
    """Windows of equal width that follow one another. A reading is late if its window is final.

    Args:
        width_us: windows begin at its multiples.
    """

    def __init__(self, table: KeyedColumns, width_us: int, lateness_us: int, prefix: bytes) -> None:
        super().__init__(table, lateness_us, prefix)
        self._width = width_us

    def add(self, group: ByKey, progress: Progress, values: Floats) -> Added:
        starts = progress.times - progress.times % self._width
        newest = progress.before - progress.before % self._width
        readings = Readings.of(group, progress, values, starts, starts > newest)
        emissions, late = Emissions(), np.empty(0, np.intp)
        on_time = starts >= newest
        if on_time.all():
            self._add_on_time(group, readings, emissions)
        else:
            is_late = starts + (self._width + self._lateness) <= progress.before
            late = np.sort(group.order[is_late])
            self._add_on_time(group, readings.take(np.flatnonzero(on_time)), emissions)
            self._revise(group, readings.take(np.flatnonzero(~on_time & ~is_late)), emissions)
        if self._lateness:
            self._take_final(group, progress, self._crossing(progress), emissions)
        return Added(emissions.windows(), late)

    def _ends(self, starts: Ints, contents: Records) -> Ints:
        return starts + self._width

    def _crossing(self, progress: Progress) -> Rows:
        """The runs in which a window can have become final."""
        final = (progress.new - self._lateness) // self._width > (progress.old - self._lateness) // self._width
        return np.flatnonzero(final)

    def _revise(self, group: ByKey, readings: Readings, emissions: Emissions) -> None:
        """Adds readings to windows that were passed before them, and emits the window after each."""
        keys = self._table.keys(group.rows[readings.runs])
        columns = (readings.starts.tolist(), readings.times.tolist(), readings.values.tolist())
        contents = [self.passed.revise(*reading) for reading in zip(keys, *columns, strict=True)]
        revised = np.array(contents, aggregates.DTYPE)
        self._emit(readings.positions, keys, readings.starts, revised, np.zeros(len(keys), np.bool_), emissions)
