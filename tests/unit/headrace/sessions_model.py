"""Session windows in plain Python: after each reading all sessions of its key are made again from its readings."""

from collections import defaultdict
from itertools import pairwise
from math import fsum

from tests.unit.headrace.windows_driver import Emitted, Event

GAP = 10


class SessionModel:
    """What the sessions of a stream are, and what is said of them when."""

    def __init__(self, lateness: int) -> None:
        self.lateness = lateness
        self.watermarks: dict[bytes, int] = {}
        self.readings: dict[bytes, list[tuple[int, float]]] = defaultdict(list)
        self.told: dict[bytes, dict[int, int]] = defaultdict(dict)
        self.emitted: list[Emitted] = []
        self.late: list[Event] = []

    def take(self, event: Event) -> None:
        time = min(event.time, event.appended)
        old = self.watermarks.get(event.key, time)
        if time < old - self.lateness:
            self.late.append(event)
            return
        watermark = self.watermarks[event.key] = max(old, time)
        self.readings[event.key].append((time, event.value))
        told, found = self.told[event.key], sessions(self.readings[event.key])
        starts = {session[0][0] for session in found}
        gone = [
            Emitted(event.key, start, start, *NOTHING, True, 2 * count + 1)
            for start, count in told.items()
            if start not in starts
        ]
        for start in told.keys() - starts:
            del told[start]
        closed = [one for session in found if (one := self.closed(event.key, session, watermark))]
        self.emitted += sorted(gone + closed, key=lambda one: one.start)

    def closed(self, key: bytes, session: list[tuple[int, float]], watermark: int) -> Emitted | None:
        start, last = session[0][0], session[-1][0]
        final = watermark >= last + GAP + self.lateness
        if watermark < last + GAP or (self.told[key].get(start) == len(session) and not final):
            return None
        self.told[key][start] = len(session)
        if final:
            del self.told[key][start]
            self.readings[key] = [reading for reading in self.readings[key] if reading not in session]
        values = [value for _, value in session]
        numbers = (len(values), fsum(values), min(values), max(values), max(session)[1], last)
        return Emitted(key, start, last + GAP, *numbers, final, 2 * len(values) + final)


def sessions(readings: list[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """The readings in order of time, cut where the next is a gap or more away."""
    ordered = sorted(readings)
    cuts = [index for index, (one, other) in enumerate(pairwise(ordered), 1) if other[0] - one[0] >= GAP]
    return [ordered[begin:end] for begin, end in pairwise([0, *cuts, len(ordered)])]


NOTHING = (0, 0.0, float("inf"), float("-inf"), float("-inf"), -(1 << 62))
