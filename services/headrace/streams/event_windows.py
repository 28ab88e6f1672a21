"""What all windows in event time have in common: how they are closed, finished and emitted.

A window is emitted when the watermark passes its end, again after each late change, and once as final when the allowed
lateness has passed too; one that is both due and final is emitted once, as final. As each emission follows from one
reading, neither what is emitted nor its order depends on where batches are cut.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from headrace.streams.by_key import ByKey
from headrace.streams.columns import Bools, Floats, Ints, KeyedColumns, Records, Rows
from headrace.streams.newest_windows import Closed, NewestWindows, Readings
from headrace.streams.passed_windows import PassedWindows
from headrace.streams.watermarks import Progress
from headrace.streams.windows import Emissions, Windows


class Added(NamedTuple):
    """What a batch led to.

    Attributes:
        windows: what is to be emitted, in the order of the readings that it follows from.
        late: positions of the readings that came too late, rising; they are in no window.
    """

    windows: Windows
    late: Rows


class _Passed(NamedTuple):
    """Passed windows: for each which of the rows asked for it is its key's, and what it holds."""

    asked: Rows
    keys: Sequence[bytes]
    starts: Ints
    contents: Records

    def take(self, which: Rows) -> "_Passed":
        keys = [self.keys[one] for one in which.tolist()]
        return _Passed(self.asked[which], keys, self.starts[which], self.contents[which])


class EventWindows(ABC):
    """The windows of a task's keys, of which only aggregates are kept.

    Args:
        table: has `COLUMNS` and `watermarks.COLUMNS`. What `add` changes of it, `watermarks.advance` has marked.
        lateness_us: for how long after its end, in event time, a window takes readings.
        prefix: of the cells of `passed`.

    Attributes:
        passed: the windows that are not in `table`, a table of the task's state.
    """

    COLUMNS = NewestWindows.COLUMNS

    def __init__(self, table: KeyedColumns, lateness_us: int, prefix: bytes) -> None:
        self._table = table
        self._lateness = lateness_us
        self._newest = NewestWindows(table)
        self.passed = PassedWindows(prefix)

    @abstractmethod
    def add(self, group: ByKey, progress: Progress, values: Floats) -> Added:
        """Takes a batch.

        Args:
            progress: what `watermarks.advance` gave for the same batch.
            values: finite, in arrival order, shape (readings,).
        """

    @abstractmethod
    def _ends(self, starts: Ints, contents: Records) -> Ints:
        """The watermarks at which windows are passed."""

    def open_windows(self, quiet_since: int) -> Windows:
        """The newest windows as they are, of keys without a record since an append time; each state of one once."""
        emissions = Emissions()
        self._emit_newest(self._newest.take_quiet(quiet_since), emissions, final=False)
        return emissions.windows()

    def finish(self, rows: Rows) -> Windows:
        """All windows of keys that are about to be removed from the table, as final."""
        emissions = Emissions()
        passed = self._passed_of(rows)
        self._emit_passed(passed, passed.asked, emissions)
        self._emit_newest(rows, emissions, final=True)
        return emissions.windows()

    def _add_on_time(self, group: ByKey, readings: Readings, emissions: Emissions) -> None:
        """Adds readings that belong to the newest window of their key or open a newer one."""
        if not len(readings):
            return
        closed = self._newest.add(group, readings)
        if closed:
            self._close(closed, emissions)

    def _close(self, closed: Closed, emissions: Emissions) -> None:
        """Emits what the watermark has passed, and keeps what is not final yet."""
        final = self._ends(closed.starts, closed.contents) + self._lateness <= closed.times
        emit = final | (closed.contents["count"] != closed.emitted)
        keys = self._table.keys(closed.rows[emit])
        self._emit(closed.positions[emit], keys, closed.starts[emit], closed.contents[emit], final[emit], emissions)
        if not final.all():
            self.passed.add(self._table.keys(closed.rows[~final]), closed.starts[~final], closed.contents[~final])

    def _take_final(self, group: ByKey, progress: Progress, runs: Rows, emissions: Emissions) -> None:
        """Emits the passed windows of these runs that the batch made final, each at the reading that did it."""
        passed = self._passed_of(group.rows[runs])
        if not len(passed.keys):
            return
        runs = runs[passed.asked]
        moments = self._ends(passed.starts, passed.contents) + self._lateness
        due = np.flatnonzero(moments <= progress.new[runs])
        positions = progress.first_reaching(group, runs[due], moments[due])
        self._emit_passed(passed.take(due), positions, emissions)

    def _passed_of(self, rows: Rows) -> _Passed:
        keys = self._table.keys(rows)
        found = [
            (index, start, row) for index, key in enumerate(keys) for start, row in self.passed.of_key(key).items()
        ]
        index, starts, of_passed = np.array(found, np.int64).reshape(-1, 3).T
        return _Passed(index, [keys[one] for one in index.tolist()], starts, self.passed.contents(of_passed))

    def _emit_passed(self, passed: _Passed, positions: Rows, emissions: Emissions) -> None:
        """Emits passed windows as final and removes them."""
        final = np.ones(len(passed.keys), np.bool_)
        self._emit(positions, passed.keys, passed.starts, passed.contents, final, emissions)
        self.passed.remove(zip(passed.keys, passed.starts.tolist(), strict=True))

    def _emit_newest(self, rows: Rows, emissions: Emissions, final: bool) -> None:
        starts, contents = self._table["start"][rows], self._newest.contents(rows)
        finals = np.full(len(rows), final)
        self._emit(np.arange(len(rows)), self._table.keys(rows), starts, contents, finals, emissions)

    def _emit(
        self,
        positions: Rows,
        keys: Sequence[bytes],
        starts: Ints,
        contents: Records,
        final: Bools,
        emissions: Emissions,
    ) -> None:
        emissions.add(positions, keys, starts, self._ends(starts, contents), contents, final)
