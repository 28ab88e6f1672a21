"""The member of the ensemble that knows what is usual at this time of day."""

from struct import Struct

from process_readings.detect.members.day_bins import BINS, DAY_S, LASTING, bin_of_day
from process_readings.detect.members.member import how_far
from process_readings.detect.members.moving_spread import NUMBERS, MovingSpread, numbers_of, restore_each

MEMORY = 300
PRIOR = 3
ALL_MEMORY = 6400
WARM_UP = 60
FOLLOW = 25
DISPLACED = 2.0
"""Spreads, by which a mean of many readings is off by no chance."""
CONFIRMED, GOES_ON = 6, 0.5
"""So many readings into a bin, so much of a displacement must be there still: else the event had ended before."""
_STATE = Struct("<" + NUMBERS * (1 + BINS) + "b?B4d")
_BEFORE = Struct("<B" + "dd" * BINS)


class TimeOfDay:
    """Level and spread by time of day in UTC, three hours a bin; a bin starts from all readings' as if worth three.

    After an alarm a displacement may go on: in the next bins what lies as far from their level as the last readings did
    from theirs is near too. So a lasting change is reported once, while the bins learn it day by day.
    What is still displaced after three days has moved for good: all bins then move with it and have their spreads from
    before the alarm, which the change had widened.

    Seasonal levels: P. R. Winters, "Forecasting Sales by Exponentially Weighted Moving Averages" (1960), additive and
    without a trend.
    """

    def __init__(self) -> None:
        self._all = MovingSpread(2, ALL_MEMORY)
        self._bins = [MovingSpread(2, MEMORY) for _ in range(BINS)]
        self._bin = -1
        self._moved = 0.0
        self._is_followed = False
        self._was_level = self._was_spread = self._mean = 0.0
        self._followed = 0
        # Levels and spreads from before an alarm whose displacement still goes on, for so many bins by now.
        self._before: list[tuple[float, float]] = []
        self._lasted = 0

    def distance(self, value: float, time_us: int) -> float:
        """Spreads from the level at this time of day, or from it and the displacement that goes on."""
        bin_ = bin_of_day(time_us)
        here = self._bins[bin_]
        if here.count == 0:
            return self._all.distance(value) if self._all.count > WARM_UP else 0.0
        distance = here.distance(value)
        moved = self._moved if bin_ == self._bin else self._goes_on()
        return min(distance, here.distance(value - moved)) if moved else distance

    def expected(self, value: float, time_us: int) -> float | None:
        """The level at this time of day, with the displacement where that is nearer."""
        bin_ = bin_of_day(time_us)
        here = self._bins[bin_]
        if here.count == 0:
            return self._all.level if self._all.count > WARM_UP else None
        moved = self._moved if bin_ == self._bin else self._goes_on()
        if moved and abs(value - moved - here.level) < abs(value - here.level):
            return here.level + moved
        return here.level

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is far from what is usual around 14 h UTC: 9.1 spreads above 21.3`; else `so far`."""
        hour = time_us // 1_000_000 % DAY_S // 3_600
        when = f"around {hour} h UTC" if self._bins[bin_of_day(time_us)].count else "so far"
        expected = self.expected(value, time_us) or 0.0
        far = how_far(value, expected, self.distance(value, time_us))
        return f"is far from what is usual {when}: {far}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value in; from an alarm on the displacement is followed."""
        bin_ = bin_of_day(time_us)
        here = self._bins[bin_]
        if here.count == 0 and self._all.count > WARM_UP:
            here.restore(PRIOR, self._all.level, self._all.spread)
        if here.count:
            if bin_ != self._bin:
                self._moved = self._goes_on()
                self._learn_lasting()
                self._bin = bin_
                self._follow(here, self._moved != 0.0)
            if is_alarm and self._is_followed:
                # The displacement is still to be learned, from the level that it began at.
                self._followed = 0
            elif is_alarm:
                self._keep_before()
                self._follow(here, True)
            if self._is_followed or self._before:
                self._followed = min(self._followed + 1, FOLLOW)
                self._mean += (value - self._was_level - self._mean) / self._followed
                if self._followed == CONFIRMED and self._mean / (self._moved or 1.0) < GOES_ON:
                    self._moved = 0.0
            here.learn(value)
        self._all.learn(value)

    def _keep_before(self) -> None:
        if not self._before and all(each.count for each in self._bins):
            self._before = [(each.level, each.spread) for each in self._bins]
            self._lasted = 0

    def _learn_lasting(self) -> None:
        """At a bin's end: whether it was displaced from before the alarm, and whether that is the new normal."""
        if not self._before:
            return
        level, spread = self._before[self._bin]
        shift = self._was_level + self._mean - level
        self._lasted += 1
        is_displaced = self._followed > 0 and abs(shift) > DISPLACED * spread
        if is_displaced and self._lasted >= LASTING:
            for each, (level, spread) in zip(self._bins, self._before, strict=True):
                each.restore(each.count, level + shift, spread)
            self._moved = 0.0
        if not is_displaced or self._lasted >= LASTING:
            self._before = []

    def _follow(self, here: MovingSpread, is_followed: bool) -> None:
        """Begins anew to take the mean distance from the level that the bin has now."""
        self._is_followed = is_followed
        self._was_level = here.level
        self._was_spread = here.spread
        self._mean = 0.0
        self._followed = 0

    def _goes_on(self) -> float:
        """The displacement that the next bin takes over."""
        is_displaced = self._followed > 0 and abs(self._mean) > DISPLACED * self._was_spread
        return self._mean if self._is_followed and is_displaced else 0.0

    def state(self) -> bytes:
        """197 bytes, 129 more while the levels from before an alarm are kept."""
        state = _STATE.pack(
            *numbers_of((self._all, *self._bins)),
            self._bin,
            self._is_followed,
            self._followed,
            self._moved,
            self._was_level,
            self._was_spread,
            self._mean,
        )
        if self._before:
            state += _BEFORE.pack(self._lasted, *[number for each in self._before for number in each])
        return state

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) not in (_STATE.size, _STATE.size + _BEFORE.size):
            raise ValueError(f"{len(state)} bytes are no state of times of day")
        numbers = _STATE.unpack_from(state)
        restore_each((self._all, *self._bins), numbers)
        self._bin, self._is_followed, self._followed = numbers[3 * (1 + BINS) : 3 * (2 + BINS)]
        self._moved, self._was_level, self._was_spread, self._mean = numbers[3 * (2 + BINS) :]
        if len(state) > _STATE.size:
            self._lasted, *before = _BEFORE.unpack_from(state, _STATE.size)
            self._before = list(zip(before[::2], before[1::2], strict=True))
