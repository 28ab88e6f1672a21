"""Several looks at one series, and how improbable the oddest of them is."""

from collections.abc import Sequence
from math import log10
from struct import Struct

from process_readings.detect.detector import Verdict
from process_readings.detect.member import Member
from process_readings.detect.moving_mean import MovingMean
from process_readings.detect.recent_level import RecentLevel
from process_readings.detect.robust_level import LARGEST
from process_readings.detect.tail_calibrator import STATE_BYTES, TailCalibrator
from process_readings.detect.time_of_day import TimeOfDay

THRESHOLD = 2.4
WARM_UP = 150
QUIET = 25
SUPPRESSED = 2.0
READINGS = 1440.0  # five days of readings every five minutes
INTERVAL_US = 300e6
LONGEST = 5.6  # four weeks, in five days
GAP_RATE = 0.01
GAP_CLIP = 4.0
_NOTHING = -9.0
_HEAD = Struct("<QqddBB")
_SIZE = Struct("<H")


def usual_members() -> list[Member]:
    """Time of day, the level of the last readings, the mean of about 2 and of about 8 of them."""
    return [TimeOfDay(), RecentLevel(), MovingMean(2), MovingMean(8)]


class Ensemble:
    """-log10 of how many readings as far as this one are to be expected in the series' history, per 1440 readings.

    Each member gives a distance in spreads, which a `TailCalibrator` of its own turns into a surprise; the greatest is
    the ensemble's. The history counts as at least five days and 1440 readings and at most four weeks: a device that
    sends often, or has long been known, must be further off, so that false alarms a day stay few.

    One event is one alarm: for `QUIET` readings after an alarm or a greater score, a score is lowered out of the way.

    The least of several p-values: L. H. C. Tippett, "The Methods of Statistics" (1931). Judging by the expected number
    of false alarms: A. Desolneux, L. Moisan, J.-M. Morel, "Meaningful Alignments" (2000).

    Args:
        threshold: score above which a reading is an anomaly.
        members: all by default; fewer show what each is worth.
    """

    family = "ensemble"
    version = "ensemble/1"

    def __init__(self, threshold: float = THRESHOLD, members: Sequence[Member] | None = None) -> None:
        if not threshold > 0.0:
            raise ValueError(f"threshold is {threshold}; it must be above 0")
        self._threshold = float(threshold)
        self._members = usual_members() if members is None else members
        self._tails = [TailCalibrator() for _ in self._members]
        self._count = 0
        self._last = 0
        self._gap = 0.0
        self._greatest = _NOTHING
        # The next reading is the first, second, … after the greatest and after the alarm.
        self._after_greatest = self._after_alarm = QUIET + 1

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Judges a reading; None in the first 150 readings or where it is not finite."""
        if not -LARGEST <= value <= LARGEST or self._count < WARM_UP:
            return None
        distances = [member.distance(value, time_us) for member in self._members]
        return self._judge(value, time_us, *self._surprise(distances))

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a finite value into every member and its tail."""
        self.observe(value, time_us)

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`, with one look."""
        if not -LARGEST <= value <= LARGEST:
            return None
        distances = [member.distance(value, time_us) for member in self._members]
        verdict, surprise = None, _NOTHING
        if self._count >= WARM_UP:
            surprise, oddest = self._surprise(distances)
            verdict = self._judge(value, time_us, surprise, oddest)
        is_alarm = surprise > self._threshold
        for member, tail, distance in zip(self._members, self._tails, distances, strict=True):
            member.learn(value, time_us, is_alarm)
            tail.learn(distance)
        self._learn_event(surprise, verdict is not None and verdict.is_anomaly)
        self._learn_gap(time_us)
        self._count += 1
        return verdict

    def _surprise(self, distances: list[float]) -> tuple[float, int]:
        """The greatest surprise less what the history allows for, and the place of the member whose it is."""
        surprises = [tail.surprise(distance) for tail, distance in zip(self._tails, distances, strict=True)]
        greatest = max(surprises)
        return greatest - self._history(), surprises.index(greatest)

    def _history(self) -> float:
        pace = INTERVAL_US / self._gap if self._gap else 1.0
        return log10(max(1.0, pace, min((self._count + 1) / READINGS, LONGEST * pace)))

    def _judge(self, value: float, time_us: int, surprise: float, oddest: int) -> Verdict:
        threshold = self._threshold
        is_known = self._after_alarm <= QUIET or (self._after_greatest <= QUIET and surprise <= self._greatest)
        if is_known:
            surprise = min(surprise, threshold) - SUPPRESSED
        if surprise <= threshold:
            return Verdict(surprise, threshold, False, "", self._members[0].expected(value, time_us))
        found = self._members[oddest]
        return Verdict(surprise, threshold, True, found.explain(value, time_us), found.expected(value, time_us))

    def _learn_event(self, surprise: float, is_anomaly: bool) -> None:
        if self._after_greatest > QUIET or surprise >= self._greatest:
            self._greatest, self._after_greatest = surprise, 1
        else:
            self._after_greatest += 1
        self._after_alarm = 1 if is_anomaly else min(self._after_alarm + 1, QUIET + 1)

    def _learn_gap(self, time_us: int) -> None:
        """Follows the usual time between two readings; of a long one at most four times that counts."""
        if self._count and time_us > self._last:
            gap = float(time_us - self._last)
            if self._gap:
                gap = min(gap, GAP_CLIP * self._gap)
            self._gap += max(GAP_RATE, 1.0 / (self._count + 1)) * (gap - self._gap)
        self._last = time_us

    def state(self) -> bytes:
        """547 bytes with the usual members, 587 in an event of the level's, at most 619 among the first readings."""
        head = _HEAD.pack(self._count, self._last, self._gap, self._greatest, self._after_greatest, self._after_alarm)
        parts = [head, *[tail.state() for tail in self._tails]]
        for member in self._members:
            state = member.state()
            parts += _SIZE.pack(len(state)), state
        return b"".join(parts)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of this version and these members.
        """
        at = _HEAD.size + STATE_BYTES * len(self._tails)
        if len(state) < at:
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
        head = _HEAD.unpack_from(state)
        self._count, self._last, self._gap, self._greatest, self._after_greatest, self._after_alarm = head
        for place, tail in enumerate(self._tails):
            begin = _HEAD.size + STATE_BYTES * place
            tail.restore(state[begin : begin + STATE_BYTES])
        for member in self._members:
            begin = at + _SIZE.size
            if len(state) < begin:
                raise ValueError(f"{len(state)} bytes are no state of {self.version}")
            (size,) = _SIZE.unpack_from(state, at)
            at = begin + size
            member.restore(state[begin:at])
        if at != len(state):
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
