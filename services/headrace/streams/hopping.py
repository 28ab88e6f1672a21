"""Hopping windows in event time: windows of equal size, one of which begins at each multiple of a shorter hop.

Readings are kept once, in tumbling panes as wide as the hop; a window is put together from its panes when it is
emitted. What is emitted when is as for all windows in event time (see `event_windows`).
"""

from collections import defaultdict
from collections.abc import Iterator
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


class _Event(NamedTuple):
    """What one reading does to the panes of its key: it changes one, or moves the watermark past the end of some.

    Attributes:
        old, new: the watermark before and after it.
        pane, content: the start of the pane that it changes or closes, and what is in it then.
    """

    position: int
    key: bytes
    old: int
    new: int
    pane: int | None = None
    content: aggregates.Content | None = None


class _Emitted(NamedTuple):
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
        panes = self._held(self._table.keys(group.rows[self._moving(group, progress)]))
        added = self._panes.add(group, progress, values)
        emitted: list[_Emitted] = []
        for event in self._events(group, progress, added.windows):
            of_key = panes[event.key]
            if event.pane is not None and event.content is not None:
                of_key[event.pane] = event.content
            emitted += self._due(event, of_key)
        return Added(self._windows(emitted), added.late)

    def finish(self, rows: Rows) -> Windows:
        """All windows of keys that are about to be removed from the table, as final."""
        keys = self._table.keys(rows)
        newest = self._table["watermark"][rows].tolist()
        panes = self._held(keys)
        for window in self._panes.finish(rows).rows():
            panes[window[0]][window[1]] = window[3:9]
        far = self._size + self._lateness
        events = [
            _Event(position, key, watermark, watermark + 2 * far)
            for position, (key, watermark) in enumerate(zip(keys, newest, strict=True))
        ]
        return self._windows([one for event in events for one in self._due(event, panes[event.key])])
