"""What a plot of judged rows shows, in a size that does not grow with the file."""

from collections.abc import Callable
from heapq import heappush, heappushpop

from process_readings.detect.score_rows import JudgedRow, Kind

STRETCHES = 4_000
"""About two to a pixel of the plot."""
NAMED = 12
"""Anomalies whose reasons are written out."""

Point = tuple[int, float]
"""Time in microseconds and value."""
_Valued = tuple[float, int, int]
"""Value, number and time of a point."""


class Envelope:
    """Points in their order, of which the least and the greatest of each stretch are kept, so that every spike shows.

    A stretch is one point at first, and twice as long whenever there are `stretches` of them.
    """

    def __init__(self, stretches: int = STRETCHES) -> None:
        self._most = stretches
        self._length = 1
        self._in_last = 0
        self._lows: list[_Valued] = []
        self._highs: list[_Valued] = []
        self._count = 0

    def __len__(self) -> int:
        """How many points were added."""
        return self._count

    def add(self, time_us: int, value: float) -> None:
        """Takes the next point."""
        point = value, self._count, time_us
        self._count += 1
        if self._lows and self._in_last < self._length:
            self._in_last += 1
            if point < self._lows[-1]:
                self._lows[-1] = point
            elif point > self._highs[-1]:
                self._highs[-1] = point
            return
        if len(self._lows) == self._most:
            self._lows = _in_pairs(self._lows, min)
            self._highs = _in_pairs(self._highs, max)
            self._length *= 2
        self._lows.append(point)
        self._highs.append(point)
        self._in_last = 1

    def points(self) -> list[Point]:
        """At most twice as many as there are stretches, in the order in which they came."""
        kept = {number: (time_us, value) for value, number, time_us in (*self._lows, *self._highs)}
        return [kept[number] for number in sorted(kept)]


def _in_pairs(points: list[_Valued], choose: Callable[[list[_Valued]], _Valued]) -> list[_Valued]:
    return [choose(points[at : at + 2]) for at in range(0, len(points), 2)]


class PlotRows:
    """Gathers rows for a plot.

    Attributes:
        values, scores, thresholds: the series and its verdicts over time.
        anomalies: values of the anomalies that are in range.
        out_of_range: 1 for a value above its range, 0 for one below.
        unread: rows without a number or a time, each at the time of the last row that had one.
        first_us, last_us: least and greatest time; None without a row that has one.
        judged_from: time of the first row that was judged.
        why_not_judged: of the rows before that one, such as `warming up`; empty for none.
    """

    def __init__(self) -> None:
        self.values, self.scores, self.thresholds = Envelope(), Envelope(), Envelope()
        self.anomalies, self.out_of_range, self.unread = Envelope(), Envelope(), Envelope()
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.judged_from: int | None = None
        self.why_not_judged = ""
        self._strongest: list[tuple[float, int, JudgedRow]] = []

    def add(self, row: JudgedRow) -> None:
        """Takes the next row."""
        if row.kind is Kind.UNREAD:
            self.unread.add(row.time_us, 0.0)
            return
        self._widen(row.time_us)
        if row.kind is Kind.ABOVE_RANGE or row.kind is Kind.BELOW_RANGE:
            self.out_of_range.add(row.time_us, float(row.kind is Kind.ABOVE_RANGE))
        else:
            self.values.add(row.time_us, row.number)
            if row.is_anomaly:
                self.anomalies.add(row.time_us, row.number)
        if row.kind is Kind.NOT_JUDGED:
            self.why_not_judged = row.reason
        if row.score is not None and row.threshold is not None:
            self._add_verdict(row, row.score, row.threshold)

    def named(self) -> list[JudgedRow]:
        """The anomalies whose scores are the greatest multiples of their thresholds, in their order."""
        return [row for _, _, row in sorted(self._strongest, key=lambda each: each[1])]

    def _widen(self, time_us: int) -> None:
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)

    def _add_verdict(self, row: JudgedRow, score: float, threshold: float) -> None:
        if row.kind is Kind.JUDGED:
            self.judged_from = row.time_us if self.judged_from is None else self.judged_from
            self.scores.add(row.time_us, score)
            self.thresholds.add(row.time_us, threshold)
        if row.is_anomaly:
            entry = score / threshold, len(self.values) + len(self.out_of_range), row
            if len(self._strongest) < NAMED:
                heappush(self._strongest, entry)
            else:
                heappushpop(self._strongest, entry)
