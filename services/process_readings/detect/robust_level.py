"""A light detector: how many spreads a reading lies from its level, in plain floats."""

import sys
from collections.abc import Sequence
from statistics import median

from process_readings.detect.detector import Verdict
from process_readings.detect.packed_numbers import pack_doubles, unpack_doubles

# Larger values are not judged: the difference of two of them would not be finite.
LARGEST = 1e300

START = 15
SIGMA_OF_MEAN_DISTANCE = 1.2533  # sqrt(pi / 2): from the mean absolute deviation to the standard deviation
SIGMA_OF_MEDIAN_DISTANCE = 1.4826
LEVEL_WEIGHT = 0.05
SPREAD_WEIGHT = 0.01
CLIP = 4.0
TAIL = 0.01
TAIL_SPREADS = 3.0  # 99 % of normal noise lies within 2.6 standard deviations, with some room
TAIL_RATE = 0.02
STEP_SHRINK = 0.2
STEP_GROWTH = 1.005
ROUNDING = 1e-6  # devices that send float32 repeat a value with errors of this size
UNSEEN_SPREAD = 0.01
TINY = sys.float_info.min
THRESHOLD_STEP = 1.15
_NUMBERS = 11
_EVENT = 6
_QUIET_BYTES = 8 * _EVENT


class RobustLevel:
    """Distance from an exponentially weighted level in spreads, so that 8 is rare whatever the unit and the noise.

    The level (memory 20 readings) and the mean distance from it (100 readings) learn at most 4 spreads of a reading, so
    an outlier moves neither; they start from the median and the median deviation of the first 15. The spread is the
    largest of: the mean distance, as a standard deviation; a third of the distance that 1 % of the readings exceed,
    which widens it for heavy tails and for series that are mostly flat; half the series' own smallest usual step, its
    resolution. As long as a series has never changed, 1 % of its size stands in, so that a large first change is seen.

    Readings in a row beyond the threshold are one event, reported when it begins and again only where it jumps away
    from itself. After `relearn_after` of them their own level is taken for the new normal.

    Huber's clipped updates: P. J. Huber, "Robust Estimation of a Location Parameter" (1964). The tail's quantile is a
    Robbins-Monro recursion.

    Args:
        threshold: score above which a reading is an anomaly.
        warm_up: readings before the first verdict, at least 15.
        relearn_after: readings in a row after which a shift is the new normal.
    """

    family = "robust_level"
    version = "robust_level/1"
    __slots__ = (
        "_count",
        "_event",
        "_event_level",
        "_event_spread",
        "_first",
        "_last",
        "_level",
        "_own_threshold",
        "_quiet_spread",
        "_quiet_tail",
        "_spread",
        "_step",
        "_tail",
        "relearn_after",
        "threshold",
        "warm_up",
    )

    def __init__(self, threshold: float = 8.0, warm_up: int = 100, relearn_after: int = 30) -> None:
        if not threshold > 0.0:
            raise ValueError(f"threshold is {threshold}; it must be above 0")
        if warm_up < START or relearn_after < 2:
            raise ValueError(f"warm_up must be at least {START} and relearn_after at least 2")
        self.threshold = self._own_threshold = float(threshold)
        self.warm_up = warm_up
        self.relearn_after = relearn_after
        self._first: list[float] = []
        self._count = 0
        self._level = self._spread = self._tail = self._step = self._last = 0.0
        self._event = 0
        self._event_level = self._event_spread = self._quiet_spread = self._quiet_tail = 0.0

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Spreads between the value and the level; None in the first `warm_up` readings or where it is not finite."""
        if not -LARGEST <= value <= LARGEST or self._count < self.warm_up:
            return None
        return self._judge(value, self._width(value))

    def distance(self, value: float) -> float:
        """The score of a finite value alone; 0 in the first `warm_up` readings."""
        if self._count < self.warm_up:
            return 0.0
        return min(abs(value - self._level) / self._width(value), sys.float_info.max)

    @property
    def level(self) -> float | None:
        """What is expected; None in the first `warm_up` readings."""
        return self._level if self._count >= self.warm_up else None

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a finite value into level, spread, resolution and the running event."""
        if not -LARGEST <= value <= LARGEST:
            return
        if self._count < START:
            self._start(value)
        else:
            self._learn(value, self._width(value))

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`."""
        if not -LARGEST <= value <= LARGEST:
            return None
        if self._count < START:
            self._start(value)
            return None
        width = self._width(value)
        verdict = self._judge(value, width) if self._count >= self.warm_up else None
        self._learn(value, width)
        return verdict

    def heed(self, steps: int) -> None:
        """Moves the threshold by 15 % a step."""
        self.threshold = self.threshold_after(steps)

    def threshold_after(self, steps: int) -> float:
        """What `heed` makes of the threshold."""
        return self._own_threshold * THRESHOLD_STEP**steps

    def _width(self, value: float) -> float:
        level = abs(self._level)
        if self._step == 0.0:
            return max(UNSEEN_SPREAD * max(level, abs(value)), self._spread, TINY)
        return max(self._spread, self._tail / TAIL_SPREADS, 0.5 * self._step, ROUNDING * level, TINY)

    def _judge(self, value: float, width: float) -> Verdict:
        level = self._level
        distance = value - level
        score = abs(distance) / width
        threshold = self.threshold
        if score <= threshold:
            return Verdict(score, threshold, False, "", level)
        score = min(score, sys.float_info.max)
        side = "above" if distance > 0.0 else "below"
        reason = f"{value:.6g} is {score:.3g} spreads {side} the expected {level:.6g}"
        if self._continues(value, width):
            return Verdict(score, threshold, False, f"{reason}, as the readings before it", level)
        return Verdict(score, threshold, True, reason, level)

    def _continues(self, value: float, width: float) -> bool:
        """Whether a reading beyond the threshold belongs to the event that was reported before it."""
        if self._event == 0:
            return False
        return abs(value - self._event_level) <= self.threshold * max(width, self._event_spread)

    def _start(self, value: float) -> None:
        """Collects the first readings; the last of them gives level, spread and resolution."""
        first = self._first
        first.append(value)
        self._count += 1
        if self._count < START:
            return
        self._level = median(first)
        self._spread = SIGMA_OF_MEDIAN_DISTANCE * median(abs(value - self._level) for value in first)
        self._tail = TAIL_SPREADS * self._spread
        self._last = first[0]
        for each in first[1:]:
            self._learn_step(each)
        self._first = []

    def _learn(self, value: float, width: float) -> None:
        level = self._level
        distance = value - level
        size = abs(distance)
        if size > self.threshold * width and self._count >= self.warm_up:
            self._learn_event(value)
        elif self._event:
            self._event = 0
        self._count += 1
        limit = CLIP * width
        if size > limit:
            distance = limit if distance > 0.0 else -limit
            size = limit
        self._level = level + LEVEL_WEIGHT * distance
        self._spread += SPREAD_WEIGHT * (SIGMA_OF_MEAN_DISTANCE * size - self._spread)
        move = TAIL_RATE * TAIL_SPREADS * width
        self._tail = max(0.0, self._tail + (move * (1.0 - TAIL) if size > self._tail else -move * TAIL))
        self._learn_step(value)
        if self._event >= self.relearn_after:
            self._adopt_event()

    def _learn_step(self, value: float) -> None:
        """Follows the small ones among the series' steps: down at once, up slowly."""
        step = abs(value - self._last)
        self._last = value
        if step > ROUNDING * abs(value):
            smallest = self._step
            if smallest == 0.0:
                self._step = step
            elif step < smallest:
                self._step = smallest + STEP_SHRINK * (step - smallest)
            else:
                self._step = smallest * STEP_GROWTH

    def _learn_event(self, value: float) -> None:
        if self._event == 0:
            self._quiet_spread = self._spread
            self._quiet_tail = self._tail
            self._event_level = value
            self._event_spread = 0.0
        self._event += 1
        distance = value - self._event_level
        self._event_level += distance / self._event
        self._event_spread += (SIGMA_OF_MEAN_DISTANCE * abs(distance) - self._event_spread) / self._event

    def _adopt_event(self) -> None:
        """Makes the event's level the normal one, with the spread from before it where the event's is not wider."""
        self._level = self._event_level
        self._spread = max(self._quiet_spread, self._event_spread)
        self._tail = max(self._quiet_tail, TAIL_SPREADS * self._event_spread)
        self._event = 0

    @property
    def first(self) -> list[float]:
        """The first readings, as long as there are fewer than 15."""
        return self._first

    def numbers(self) -> tuple[float, ...]:
        """Eleven numbers, which are the whole state but for `first`."""
        return (
            float(self._count),
            self._level,
            self._spread,
            self._tail,
            self._step,
            self._last,
            float(self._event),
            self._event_level,
            self._event_spread,
            self._quiet_spread,
            self._quiet_tail,
        )

    def state(self) -> bytes:
        """Doubles: how many readings, then the first ones, or as many of `numbers` as count: 6, or 11 in an event."""
        if self._count < START:
            return pack_doubles((float(self._count), *self._first))
        numbers = self.numbers()
        return pack_doubles(numbers if self._event else numbers[:_EVENT])

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if not state or len(state) % 8:
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
        count, *others = unpack_doubles(state)
        if count < START:
            self.restore_numbers((count, *[0.0] * (_NUMBERS - 1)), others)
        elif len(state) in (_QUIET_BYTES, 8 * _NUMBERS):
            self.restore_numbers((count, *others, *[0.0] * (_NUMBERS - 1 - len(others))), [])
        else:
            raise ValueError(f"{len(state)} bytes are no state of {self.version} after {count} readings")

    def restore_numbers(self, numbers: Sequence[float], first: list[float]) -> None:
        """As `restore`, from the eleven numbers and the first readings.

        Raises:
            ValueError: there are not as many first readings as the numbers say.
        """
        (
            count,
            self._level,
            self._spread,
            self._tail,
            self._step,
            self._last,
            event,
            self._event_level,
            self._event_spread,
            self._quiet_spread,
            self._quiet_tail,
        ) = numbers
        if len(first) != (count if count < START else 0):
            raise ValueError(f"{len(first)} first readings are no state of {self.version} after {count} readings")
        self._count, self._event, self._first = int(count), int(event), first
