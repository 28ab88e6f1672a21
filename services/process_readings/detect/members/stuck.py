"""The member of the ensemble that knows how long the series usually rests on a value."""

from math import log10, sqrt
from struct import Struct

from process_readings.detect.tail_calibrator import NU

CLASSES = 12
"""Lengths of a run: 1, 2, 3 to 4, 5 to 8, … and more than 1024."""
WEIGHT = 10.0
FIRST_GUESS = 0.9
FULL = 60_000
"""Readings of a length, of which 16 bits keep the number; from there on it is halved."""
MOST = 300.0
"""No run counts as less probable than 10 to the minus this."""
LEAST_RUN = 5
CAUTION = 2.5
_STATE = Struct(f"<dId{2 * CLASSES}H")


class Stuck:
    """How improbable a run of equal values is in this series, as the distance whose prior tail is that probability.

    By the length of the run so far, in octaves, one more equal value has a probability of its own. What is not known of
    a length is as at the next shorter one, worth ten readings; at first a value is thought to rest. So long runs are
    usual in a series that rests every night, or always, and five equal values odd in one whose values never repeat.
    Of the order of magnitude two fifths count, since a run can begin with every reading.

    Runs: A. Wald, J. Wolfowitz, "On a Test Whether Two Samples are from the Same Population" (1940). The probability is
    the mean of a Beta posterior whose prior is the shorter run's.
    """

    def __init__(self) -> None:
        self._last = 0.0
        self._run = 0
        self._surprise = 0.0
        self._equal = [0] * CLASSES
        self._readings = [0] * CLASSES

    def _surprise_of_equal(self) -> float:
        """-log10 of the probability that a run as long as the present one goes on."""
        guess = FIRST_GUESS
        known = slice(self._class() + 1)
        for equal, readings in zip(self._equal[known], self._readings[known], strict=True):
            guess = (WEIGHT * guess + equal) / (WEIGHT + readings)
        return -log10(guess)

    def _class(self) -> int:
        return min((self._run - 1).bit_length(), CLASSES - 1)

    def _next(self, value: float) -> float:
        """-log10 of the probability of the run that this value makes."""
        if self._run == 0 or value != self._last:
            return 0.0
        return min(self._surprise + self._surprise_of_equal(), MOST)

    def distance(self, value: float, time_us: int) -> float:
        """0 for a value that differs from the one before it, and while less than five are equal."""
        if self._run < LEAST_RUN - 1:
            return 0.0
        surprise = self._next(value) / CAUTION
        return sqrt(NU * (10.0 ** (surprise * 2.0 / NU) - 1.0)) if surprise > 0.0 else 0.0

    def expected(self, value: float, time_us: int) -> float | None:
        """None: any other value would do."""
        return None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `came 45 times in a row; in this series less than one run in a million is as long`."""
        runs = 10.0 ** self._next(value)
        share = f"one run in {runs:.0f}" if runs < 1e6 else "less than one run in a million"
        return f"came {self._run + 1} times in a row; in this series {share} is as long"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Counts whether a run of this length went on."""
        surprise = self._next(value)
        if self._run:
            class_ = self._class()
            is_equal = value == self._last
            self._equal[class_] += is_equal
            self._readings[class_] += 1
            if self._readings[class_] >= FULL:
                self._equal[class_] //= 2
                self._readings[class_] //= 2
            if not is_equal:
                self._run = 0
        self._surprise = surprise
        self._last = value
        self._run = min(self._run + 1, FULL)

    def state(self) -> bytes:
        """68 bytes."""
        return _STATE.pack(self._last, self._run, self._surprise, *self._equal, *self._readings)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of runs")
        self._last, self._run, self._surprise, *counts = _STATE.unpack(state)
        self._equal, self._readings = counts[:CLASSES], counts[CLASSES:]
