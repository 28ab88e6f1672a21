"""The member of the ensemble that sums up small deviations: a shift or a ramp that no single reading shows."""

from struct import Struct

from process_readings.detect.members.day_bins import BINS, bin_of_day
from process_readings.detect.members.moving_spread import NUMBERS, MovingSpread, numbers_of, restore_each

MEMORY = 300
PRIOR = 3
WARM_UP = 60
LONG_MEMORY = 6400
SLACK = 0.5
CLIP = 2.0
LEAST_SPREAD = 1.5
MOST = 200.0
_STATE = Struct("<" + NUMBERS * (2 + BINS) + "2d")


class Trend:
    """Distance of the greater of two cumulative sums, of what lies above and below the level, from its long run.

    The level is that of the time of day, in bins of three hours, so that the day itself is no trend. A reading adds how
    many spreads it is off, two at most, less half a spread. A sum that goes far by the series' own course, since its
    readings hang together, has a wide spread and so is near.

    E. S. Page, "Continuous Inspection Schemes" (1954); here the limit is learned.
    """

    def __init__(self) -> None:
        self._all = MovingSpread(2, LONG_MEMORY)
        self._bins = [MovingSpread(2, MEMORY) for _ in range(BINS)]
        self._sums = MovingSpread(3, LONG_MEMORY)
        self._above = self._below = 0.0

    def _usual(self, time_us: int) -> MovingSpread:
        """Of this time of day, or of all readings while that is not known."""
        here = self._bins[bin_of_day(time_us)]
        return here if here.count else self._all

    def _next(self, value: float, time_us: int) -> tuple[float, float]:
        """Both sums with this value."""
        usual = self._usual(time_us)
        off = min(usual.distance(value), CLIP)
        if value < usual.level:
            off = -off
        above = min(max(0.0, self._above + off - SLACK), MOST)
        return above, min(max(0.0, self._below - off - SLACK), MOST)

    def distance(self, value: float, time_us: int) -> float:
        """Spreads by which the greater sum is greater than usual, 0 where it is less."""
        sums = self._sums
        if sums.count < WARM_UP:
            return 0.0
        greater = max(self._next(value, time_us)) - sums.level
        return max(0.0, greater / max(sums.spread, LEAST_SPREAD))

    def expected(self, value: float, time_us: int) -> float | None:
        """The level at this time of day."""
        return self._usual(time_us).level if self._sums.count >= WARM_UP else None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `ends many readings above 21.3; together they are 24 spreads off`."""
        above, below = self._next(value, time_us)
        side = "above" if above > below else "below"
        level = self._usual(time_us).level
        return f"ends many readings {side} {level:.6g}; together they are {max(above, below):.3g} spreads off"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value into the sums and into the level of its time of day."""
        if self._all.count >= WARM_UP:
            self._above, self._below = self._next(value, time_us)
            self._sums.learn(max(self._above, self._below))
            here = self._bins[bin_of_day(time_us)]
            if not here.count:
                here.restore(PRIOR, self._all.level, self._all.spread)
            here.learn(value)
        self._all.learn(value)

    def state(self) -> bytes:
        """196 bytes."""
        return _STATE.pack(*numbers_of((self._all, *self._bins, self._sums)), self._above, self._below)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of a trend")
        *numbers, self._above, self._below = _STATE.unpack(state)
        restore_each((self._all, *self._bins, self._sums), numbers)
