"""Turns distances into one score that means the same for every series, and makes one event one alarm."""

from collections.abc import Sequence
from math import log10
from struct import Struct

from process_readings.detect.tail_calibrator import PARTS, STATE_BYTES, TailCalibrator

THRESHOLD = 2.4
WARM_UP = 150
QUIET = 25
SUPPRESSED = 2.0
EVENT_PARTS = 3  # of eight; with fewer, a step of 1,000 spreads would be odd again after the quiet time
READINGS = 1440.0  # five days of readings every five minutes
INTERVAL_US = 300e6
LONGEST = 5.6  # four weeks, in five days
GAP_RATE = 0.01
GAP_CLIP = 4.0
THRESHOLD_STEP = 0.2  # 1.6 times fewer readings are so far off; on labelled halves 0.3 lost more events than 0.2
NOTHING = -9.0
"""The surprise of a reading that was not judged."""
_STATE = Struct("<QqddBB")


class Judge:
    """-log10 of how many readings as far as this one are to be expected in the series' history, per 1440 readings.

    Each distance is turned into a surprise by a `TailCalibrator` of its own; the greatest counts. The history counts as
    at least five days and 1440 readings and at most four weeks: a device that sends often, or has long been known, must
    be further off, so that false alarms a day stay few.

    One event is one alarm: for `QUIET` readings after an alarm or a greater score, a score is lowered out of the way.
    After an alarm those readings count less in the tails, so that one long event doesn't make its kind usual.

    The least of several p-values: L. H. C. Tippett, "The Methods of Statistics" (1931). Judging by the expected number
    of false alarms: A. Desolneux, L. Moisan, J.-M. Morel, "Meaningful Alignments" (2000).

    Args:
        distances: how many there are of each reading.
        threshold: score above which a reading is an anomaly.

    Attributes:
        threshold: the same, as `heed` moved it.
    """

    def __init__(self, distances: int, threshold: float) -> None:
        if not threshold > 0.0:
            raise ValueError(f"threshold is {threshold}; it must be above 0")
        self.threshold = self._own_threshold = float(threshold)
        self._tails = [TailCalibrator() for _ in range(distances)]
        self._count = 0
        self._last = 0
        self._gap = 0.0
        self._greatest = NOTHING
        # The next reading is the first, second, … after the greatest and after the alarm.
        self._after_greatest = self._after_alarm = QUIET + 1

    @property
    def is_warm(self) -> bool:
        """Whether enough readings were learned to judge the next."""
        return self._count >= WARM_UP

    @property
    def size(self) -> int:
        """Bytes of a state."""
        return _STATE.size + STATE_BYTES * len(self._tails)

    def surprise(self, distances: Sequence[float]) -> tuple[float, int]:
        """The greatest surprise less what the history allows for, and the place of the distance whose it is."""
        greatest, oddest = 0.0, 0
        for place, distance in enumerate(distances):
            # Most are nearer than one spread, which is no surprise.
            if distance >= 1.0 and (surprise := self._tails[place].surprise(distance)) > greatest:
                greatest, oddest = surprise, place
        return greatest - self._history(), oddest

    def score(self, surprise: float) -> float:
        """The surprise, lowered to below the threshold where it belongs to an event that is known."""
        if self._after_alarm <= QUIET or (self._after_greatest <= QUIET and surprise <= self._greatest):
            return min(surprise, self.threshold) - SUPPRESSED
        return surprise

    def learn(self, distances: Sequence[float], surprise: float, is_anomaly: bool, time_us: int) -> None:
        """Takes in the distances of a reading and what was found of it: `NOTHING` while there is no verdict."""
        parts = EVENT_PARTS if self._after_alarm <= QUIET else PARTS
        for tail, distance in zip(self._tails, distances, strict=True):
            tail.learn(distance, parts)
        if self._after_greatest > QUIET or surprise >= self._greatest:
            self._greatest, self._after_greatest = surprise, 1
        else:
            self._after_greatest += 1
        self._after_alarm = 1 if is_anomaly else min(self._after_alarm + 1, QUIET + 1)
        self._learn_gap(time_us)
        self._count += 1

    def heed(self, steps: int) -> None:
        """Lets a reading be 1.6 times less probable with each step; the threshold stays at least half its own."""
        self.threshold = max(self._own_threshold + THRESHOLD_STEP * steps, 0.5 * self._own_threshold)

    def _history(self) -> float:
        pace = INTERVAL_US / self._gap if self._gap else 1.0
        return log10(max(1.0, pace, min((self._count + 1) / READINGS, LONGEST * pace)))

    def _learn_gap(self, time_us: int) -> None:
        """Follows the usual time between two readings; of a long one at most four times that counts."""
        if self._count and time_us > self._last:
            gap = float(time_us - self._last)
            if self._gap:
                gap = min(gap, GAP_CLIP * self._gap)
            self._gap += max(GAP_RATE, 1.0 / (self._count + 1)) * (gap - self._gap)
        self._last = time_us

    def state(self) -> bytes:
        """34 bytes, and 52 for each distance."""
        head = _STATE.pack(self._count, self._last, self._gap, self._greatest, self._after_greatest, self._after_alarm)
        return b"".join([head, *[tail.state() for tail in self._tails]])

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not `size`.
        """
        if len(state) != self.size:
            raise ValueError(f"{len(state)} bytes are no state of a judge of {len(self._tails)} distances")
        head = _STATE.unpack_from(state)
        self._count, self._last, self._gap, self._greatest, self._after_greatest, self._after_alarm = head
        for place, tail in enumerate(self._tails):
            begin = _STATE.size + STATE_BYTES * place
            tail.restore(state[begin : begin + STATE_BYTES])
