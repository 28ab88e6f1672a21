"""The member of the ensemble that forecasts the next reading from the last ones."""

from operator import mul
from struct import Struct

from process_readings.detect.members.member import how_far
from process_readings.detect.members.moving_spread import TINY, MovingSpread

STEPS = 6
RATE = 0.03
CLIP = 6.0
LARGEST_WEIGHT = 4.0
LEVEL_RATE = 0.05
MEMORY = 1000
LONG_MEMORY = 6400
WARM_UP = 60
_INPUTS = STEPS + 2
_STATE = Struct(f"<{2 + STEPS + _INPUTS}dHddHdd")


class Forecast:
    """Distance of a reading from a forecast of it, in cubic-moment spreads of the forecasts' errors.

    The next step is a sum of the last six steps, of the way back to the level of the last 20 readings and of a constant
    drift, each by a weight of its own that normalised least mean squares learns. Steps are in their usual size and at
    most six of it, so that an outlier bends no weight.

    B. Widrow, M. E. Hoff, "Adaptive Switching Circuits" (1960); normalised: J. Nagumo, A. Noda, "A learning method for
    system identification" (1967).
    """

    def __init__(self) -> None:
        self._last = self._level = 0.0
        self._steps = [0.0] * STEPS  # newest first
        self._weights = [0.0] * _INPUTS
        self._sizes = MovingSpread(2, MEMORY)
        self._errors = MovingSpread(3, LONG_MEMORY)
        self._prepare()

    def _prepare(self) -> None:
        """What all values of the next reading share: it follows from the state."""
        size = max(self._sizes.spread, TINY)
        self._inputs = [*self._steps, _clip((self._level - self._last) / size), 1.0]
        self._step = sum(map(mul, self._weights, self._inputs))
        self._next = self._last + size * self._step

    def distance(self, value: float, time_us: int) -> float:
        """Spreads between the forecast's error and the usual one."""
        return self._errors.distance(value - self._next) if self._errors.count >= WARM_UP else 0.0

    def expected(self, value: float, time_us: int) -> float | None:
        """The forecast and what it is usually off."""
        return self._next + self._errors.level if self._errors.count >= WARM_UP else None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is not what the readings before it lead to: 9.1 spreads above 21.3`."""
        far = how_far(value, self._next + self._errors.level, self.distance(value, time_us))
        return f"is not what the readings before it lead to: {far}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a reading in: the forecast's error into the weights, then its step into the last ones."""
        sizes = self._sizes
        if sizes.count == 0:
            # A step of nothing, so that the first real one is not taken for the usual drift.
            sizes.learn(0.0)
            self._last = self._level = value
            self._prepare()
            return
        step = value - self._last
        self._errors.learn(value - self._next)
        size = max(sizes.spread, TINY)
        inputs = self._inputs
        gain = RATE * _clip(step / size - self._step) / sum(map(mul, inputs, inputs))
        limit = LARGEST_WEIGHT
        self._weights = [
            max(-limit, min(limit, weight + gain * each)) for weight, each in zip(self._weights, inputs, strict=True)
        ]
        sizes.learn(step)
        self._steps = [_clip(step / max(sizes.spread, TINY)), *self._steps[:-1]]
        self._level += LEVEL_RATE * (value - self._level)
        self._last = value
        self._prepare()

    def state(self) -> bytes:
        """164 bytes."""
        return _STATE.pack(
            self._last,
            self._level,
            *self._steps,
            *self._weights,
            *self._sizes.numbers(),
            *self._errors.numbers(),
        )

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of a forecast")
        self._last, self._level, *numbers = _STATE.unpack(state)
        self._steps, numbers = numbers[:STEPS], numbers[STEPS:]
        self._weights, numbers = numbers[:_INPUTS], numbers[_INPUTS:]
        self._sizes.restore(*numbers[:3])
        self._errors.restore(*numbers[3:])
        self._prepare()


def _clip(steps: float) -> float:
    return CLIP if steps > CLIP else -CLIP if steps < -CLIP else steps
