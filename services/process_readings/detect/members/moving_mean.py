"""The member of the ensemble that looks at a few readings together."""

from struct import Struct

from process_readings.detect.members.member import how_far
from process_readings.detect.members.moving_spread import MovingSpread

MEMORY = 6400
WARM_UP = 60
REVIEW = 25
RECENT = 12
LASTING = 4.0
_STATE = Struct("<dHdd")
_REVIEW = Struct("<Bddd")


class MovingMean:
    """Distance of an exponentially weighted mean of the last readings from its own long run, in cubic-moment spreads.

    A lasting change, or some readings that are all a little off, move the mean further than noise does.

    `REVIEW` readings after an alarm the long run is reviewed: where the mean of the last `RECENT` readings still lies
    more than `LASTING` spreads from the level before the alarm, it is the new level, with the spread from before.

    S. W. Roberts, "Control Chart Tests Based on Geometric Moving Averages" (1959); here the limits are learned.

    Args:
        readings: about so many make up the mean.
    """

    def __init__(self, readings: int) -> None:
        self._readings = readings
        self._rate = 2.0 / (readings + 1.0)
        self._mean = 0.0
        self._usual = MovingSpread(3, MEMORY)
        self._before = MovingSpread(3, MEMORY)
        self._review = 0
        self._recent = 0.0

    def _next(self, value: float) -> float:
        """The mean with this value."""
        if self._usual.count == 0:
            return value
        return (1.0 - self._rate) * self._mean + self._rate * value

    def distance(self, value: float, time_us: int) -> float:
        """Spreads between the mean with this value and the mean's long run."""
        return self._usual.distance(self._next(value)) if self._usual.count >= WARM_UP else 0.0

    def expected(self, value: float, time_us: int) -> float | None:
        """The mean's long run."""
        return self._usual.level if self._usual.count >= WARM_UP else None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is one of about 8 readings whose mean, 29, is unusual: 7.5 spreads above 21.3`."""
        mean = self._next(value)
        far = how_far(mean, self._usual.level, self._usual.distance(mean))
        return f"is one of about {self._readings} readings whose mean, {mean:.6g}, is unusual: {far}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value into the mean, and the mean into its long run."""
        if is_alarm and self._review == 0:
            self._review, self._recent = REVIEW, 0.0
            self._before.restore(*self._usual.numbers())
        self._mean = mean = self._next(value)
        self._usual.learn(mean)
        if self._review:
            self._learn_event(value)

    def _learn_event(self, value: float) -> None:
        self._review -= 1
        if self._review < RECENT:
            self._recent += value / RECENT
        if self._review == 0 and self._before.distance(self._recent) > LASTING:
            self._usual.restore(self._usual.count, self._recent, self._before.spread)
            self._mean = self._recent

    def state(self) -> bytes:
        """26 bytes, or 51 until an alarm is reviewed."""
        state = _STATE.pack(self._mean, *self._usual.numbers())
        if self._review:
            state += _REVIEW.pack(self._review, self._recent, self._before.level, self._before.spread)
        return state

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) not in (_STATE.size, _STATE.size + _REVIEW.size):
            raise ValueError(f"{len(state)} bytes are no state of a moving mean")
        self._mean, *usual = _STATE.unpack_from(state)
        self._usual.restore(*usual)
        if len(state) > _STATE.size:
            self._review, self._recent, level, spread = _REVIEW.unpack_from(state, _STATE.size)
            self._before.restore(self._usual.count, level, spread)
