"""Hopping windows in event time: windows of equal size, one of which begins at each multiple of a shorter hop.

Readings are kept once, in tumbling panes as wide as the hop; a window is put together from its panes when it is
emitted. When that is, is as for all windows in event time (see `event_windows`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from headrace.streams import aggregates
from headrace.streams.by_key import ByKey
from headrace.streams.columns import Floats, KeyedColumns, Rows
from headrace.streams.event_windows import Added, EventWindows
from headrace.streams.tumbling import TumblingWindows
from headrace.streams.watermarks import Progress
from headrace.streams.windows import Emissions, Windows

_Panes = dict[int, aggregates.Content]
_FOREVER = 1 << 62


class _Moved(NamedTuple):
    """A reading moved the watermark of its key past the end of a window, or past its lateness."""

    position: int
    key: bytes
    old: int
    new: int


class _Filled(NamedTuple):
    """A pane of a key, which the watermark has passed, holds this; `is_change` where it was passed before."""

    position: int
    key: bytes
    pane: int
    content: aggregates.Content
    watermark: int
    is_change: bool


class _Emitted(NamedTuple):
    """A window to be emitted."""

    position: int
    key: bytes
    start: int
    content: aggregates.Content
    final: bool


class HoppingWindows:
    """The hopping windows of a task's keys. A reading is late if all windows that it is in are final.

    Args:
        table: has `COLUMNS` and `watermarks.COLUMNS`. What `add` changes of it, `watermarks.advance` has marked.
        size_us: length of a window, a multiple of the hop.
        hop_us: windows begin at its multiples.
        lateness_us: for how long after its end, in event time, a window takes readings.
        prefix: of the cells of `passed`.

    Attributes:
        passed: the panes that are not in `table`, a table of the task's state.
    """

    COLUMNS = EventWindows.COLUMNS

    def __init__(self, table: KeyedColumns, size_us: int, hop_us: int, lateness_us: int, prefix: bytes) -> None:
        if size_us % hop_us:
            raise ValueError(f"a window of {size_us} µs is no multiple of its hop of {hop_us} µs")
        self._table = table
        self._size = size_us
        self._hop = hop_us
        self._lateness = lateness_us
        self._panes = TumblingWindows(table, hop_us, size_us - hop_us + lateness_us, prefix)
        self.passed = self._panes.passed

    def add(self, group: ByKey, progress: Progress, values: Floats) -> Added:
        """Takes a batch; as `EventWindows.add`."""
        held = self._held(self._table.keys(group.rows))
        added = self._panes.add(group, progress, values)
        events: list[_Filled | _Moved] = [*self._filled(group, progress, added.windows), *self._moved(group, progress)]
        emitted: list[_Emitted] = []
        # What is in the panes comes before what the same reading leads to.
        for event in sorted(events, key=lambda event: (event.position, isinstance(event, _Moved))):
            panes = held[event.key]
            emitted += self._after_move(event, panes) if isinstance(event, _Moved) else self._after_fill(event, panes)
        return Added(self._windows(emitted), added.late)

    def finish(self, rows: Rows) -> Windows:
        """All windows of keys that are about to be removed from the table, as final."""
        keys, watermarks = self._table.keys(rows), self._table["watermark"][rows].tolist()
        held = self._held(keys)
        for window in self._panes.finish(rows).rows():
            held[window[0]][window[1]] = window[3:9]
        moves = [_Moved(at, key, old, _FOREVER) for at, (key, old) in enumerate(zip(keys, watermarks, strict=True))]
        return self._windows([one for move in moves for one in self._after_move(move, held[move.key])])

    def _held(self, keys: Sequence[bytes]) -> defaultdict[bytes, _Panes]:
        """The passed panes of keys."""
        found = [(key, start, row) for key in keys for start, row in self.passed.of_key(key).items()]
        contents = self.passed.contents(np.array([row for _, _, row in found], np.intp)).tolist()
        held: defaultdict[bytes, _Panes] = defaultdict(dict)
        for (key, start, _), content in zip(found, contents, strict=True):
            held[key][start] = content
        return held

    def _moved(self, group: ByKey, progress: Progress) -> Iterator[_Moved]:
        times, before, late = progress.times, progress.before, self._lateness
        ends = times // self._hop > before // self._hop
        finals = (times - late) // self._hop > (before - late) // self._hop
        index = np.flatnonzero(ends | finals)
        keys = self._table.keys(group.rows[group.run_of_each()[index]])
        columns = (group.order[index].tolist(), keys, before[index].tolist(), times[index].tolist())
        return map(_Moved, *columns)

    def _filled(self, group: ByKey, progress: Progress, panes: Windows) -> Iterator[_Filled]:
        """What the panes hold, wherever they are emitted as windows of their own."""
        index = np.empty_like(group.order)
        index[group.order] = np.arange(len(index))
        index = index[panes.positions]
        before = progress.before[index]
        changes = progress.times[index] < before
        rows = zip(panes.positions.tolist(), panes.rows(), before.tolist(), changes.tolist(), strict=True)
        for position, window, watermark, is_change in rows:
            yield _Filled(position, window[0], window[1], window[3:9], watermark, is_change)

    def _after_fill(self, event: _Filled, panes: _Panes) -> Iterator[_Emitted]:
        panes[event.pane] = event.content
        if not event.is_change:
            return
        for start in range(event.pane - self._size + self._hop, event.pane + self._hop, self._hop):
            end = start + self._size
            if end <= event.watermark < end + self._lateness:
                yield _Emitted(event.position, event.key, start, self._content(start, panes), False)

    def _after_move(self, event: _Moved, panes: _Panes) -> Iterator[_Emitted]:
        for start in sorted({pane - back for pane in panes for back in range(0, self._size, self._hop)}):
            end = start + self._size
            final = event.old < end + self._lateness <= event.new
            if final or event.old < end <= event.new:
                yield _Emitted(event.position, event.key, start, self._content(start, panes), final)

    def _content(self, start: int, panes: Mapping[int, aggregates.Content]) -> aggregates.Content:
        """A window, put together from its panes in the order of their times."""
        parts = [panes[pane] for pane in range(start, start + self._size, self._hop) if pane in panes]
        counts, totals, least, greatest, _, _ = zip(*parts, strict=True)
        # The last pane has the newest reading.
        return sum(counts), sum(totals), min(least), max(greatest), parts[-1][4], parts[-1][5]

    def _windows(self, emitted: Sequence[_Emitted]) -> Windows:
        emissions = Emissions()
        if emitted:
            positions, keys, starts, contents, final = zip(*emitted, strict=True)
            begins = np.array(starts)
            held = np.array(list(contents), aggregates.DTYPE)
            emissions.add(np.array(positions), keys, begins, begins + self._size, held, np.array(final))
        return emissions.windows()
