"""The member of the ensemble that looks at when readings come instead of at what they say."""

from struct import Struct

from process_readings.detect.members.moving_spread import MovingSpread

READINGS = 24
RATE = 2.0 / (READINGS + 1.0)
MEMORY = 1000
WARM_UP = 60
LEAST_SPREAD = 0.1
LEAST_SPREAD_OF_MEAN = 0.05
_US = 1e-6
_STATE = Struct("<BqdHddHdd")


class Pace:
    """Distance of the gap before a reading, and of the mean of the last gaps, from what is usual; in cube roots.

    The cube root makes the gaps of a sender at random nearly normal, so that these have usual spreads too; a regular
    device's are taken for a tenth of the gap at least, so that jitter and a single lost reading are near. A gap alone
    is odd only where it is long: one reading more is no flood. A gap is judged when its end is seen. Where the time
    stands still or goes back there is no gap.

    Cube root of a gamma-distributed quantity: E. B. Wilson, M. M. Hilferty, "The Distribution of Chi-Square" (1931).
    Chart of the time between events: L. Y. Chan, M. Xie, T. N. Goh, "Cumulative quantity control charts for monitoring
    production processes" (2000).
    """

    def __init__(self) -> None:
        self._has_last = False
        self._last = 0
        self._mean = 0.0
        self._gaps = MovingSpread(2, MEMORY)
        self._means = MovingSpread(2, MEMORY)

    def _root(self, time_us: int) -> float | None:
        """Cube root of the gap in seconds that ends at this time, if there is one."""
        if not self._has_last or time_us <= self._last:
            return None
        return float(((time_us - self._last) * _US) ** (1.0 / 3.0))

    def _next(self, root: float) -> float:
        """The mean of the roots with this one."""
        return root if self._gaps.count == 0 else self._mean + RATE * (root - self._mean)

    def _distances(self, root: float) -> tuple[float, float]:
        """Of this gap, where it is long, and of the mean of the last ones."""
        gaps, means = self._gaps, self._means
        alone = (root - gaps.level) / max(gaps.spread, LEAST_SPREAD * gaps.level)
        together = abs(self._next(root) - means.level) / max(means.spread, LEAST_SPREAD_OF_MEAN * means.level)
        return max(alone, 0.0), together

    def distance(self, value: float, time_us: int) -> float:
        """The greater of both, in spreads."""
        root = self._root(time_us)
        return max(self._distances(root)) if root is not None and self._gaps.count >= WARM_UP else 0.0

    def expected(self, value: float, time_us: int) -> float | None:
        """None: the value doesn't matter."""
        return None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `came 7200 s after the reading before it; about 300 s are usual`."""
        root = self._root(time_us) or 0.0
        alone, together = self._distances(root)
        usual = f"about {_seconds(self._gaps.level)} are usual"
        if alone >= together:
            return f"came {_seconds(root)} after the reading before it; {usual}"
        return f"is one of about {READINGS} readings that came {_seconds(self._next(root))} apart; {usual}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a gap into what is usual."""
        root = self._root(time_us)
        if root is not None:
            self._mean = self._next(root)
            self._gaps.learn(root)
            self._means.learn(self._mean)
        self._has_last, self._last = True, time_us

    def state(self) -> bytes:
        """53 bytes."""
        return _STATE.pack(self._has_last, self._last, self._mean, *self._gaps.numbers(), *self._means.numbers())

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of a pace")
        has_last, self._last, self._mean, *numbers = _STATE.unpack(state)
        self._has_last = bool(has_last)
        self._gaps.restore(*numbers[:3])
        self._means.restore(*numbers[3:])


def _seconds(root: float) -> str:
    seconds = root**3
    return f"{seconds:.0f} s" if seconds >= 100.0 else f"{seconds:.3g} s"
