"""Tumbling windows in plain Python, one reading at a time."""

from collections import defaultdict
from math import fsum

from tests.unit.headrace.windows_driver import Emitted, Event

WIDTH = 10


class TumblingModel:
    """What the windows of a stream are, from all readings of each window."""

    def __init__(self, lateness: int) -> None:
        self.lateness = lateness
        self.watermarks: dict[bytes, int] = {}
        self.windows: dict[bytes, dict[int, list[tuple[int, float]]]] = defaultdict(dict)
        self.emitted: list[Emitted] = []
        self.late: list[Event] = []

    def take(self, event: Event) -> None:
        time = min(event.time, event.appended)
        old = self.watermarks.get(event.key, time)
        start = time // WIDTH * WIDTH
        if start + WIDTH + self.lateness <= old:
            self.late.append(event)
            return
        new = self.watermarks[event.key] = max(old, time)
        windows = self.windows[event.key]
        windows.setdefault(start, []).append((time, event.value))
        for begin in sorted(windows):
            final = begin + WIDTH + self.lateness <= new
            due = old < begin + WIDTH <= new
            late_change = begin == start and begin + WIDTH <= old
            if final or due or late_change:
                self.emit(event.key, begin, final)

    def emit(self, key: bytes, begin: int, final: bool) -> None:
        readings = self.windows[key][begin]
        values = [value for _, value in readings]
        last_us, last = max(readings)
        numbers = (len(values), fsum(values), min(values), max(values), last, last_us)
        self.emitted.append(Emitted(key, begin, begin + WIDTH, *numbers, final, 2 * len(values) + final))
        if final:
            del self.windows[key][begin]
