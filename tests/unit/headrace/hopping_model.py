"""Hopping windows in plain Python, one reading at a time, each window with all its readings."""

from collections import defaultdict
from math import fsum

from tests.unit.headrace.windows_driver import Emitted, Event

SIZE = 15
HOP = 5


class HoppingModel:
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
        last = time // HOP * HOP
        starts = [start for start in range(last - SIZE + HOP, last + 1, HOP) if start + SIZE + self.lateness > old]
        if not starts:
            self.late.append(event)
            return
        new = self.watermarks[event.key] = max(old, time)
        windows = self.windows[event.key]
        for start in starts:
            windows.setdefault(start, []).append((time, event.value))
        for begin in sorted(windows):
            end = begin + SIZE
            final = end + self.lateness <= new
            if final or old < end <= new or (begin in starts and end <= old):
                self.emit(event.key, begin, final)

    def emit(self, key: bytes, begin: int, final: bool) -> None:
        readings = self.windows[key][begin]
        values = [value for _, value in readings]
        last_us, last = max(readings)
        numbers = (len(values), fsum(values), min(values), max(values), last, last_us)
        self.emitted.append(Emitted(key, begin, begin + SIZE, *numbers, final, 2 * len(values) + final))
        if final:
            del self.windows[key][begin]
