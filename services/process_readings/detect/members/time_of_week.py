"""The member of the ensemble that knows what is usual at this time of the week."""

from struct import Struct

from process_readings.detect.members.day_bins import BINS, DAY_S, bin_of_day
from process_readings.detect.members.member import how_far
from process_readings.detect.members.moving_spread import NUMBERS, MovingSpread, numbers_of, restore_each

DAYS = 7
MEMORY = 300
PRIOR = 6
SPREAD_MEMORY = 2000
SPREAD_PRIOR = 3
FOLLOW_RATE = 2.0 / 37.0
ALL_MEMORY = 6400
WARM_UP = 60
_MONDAY = 4
"""1970-01-01 was a Thursday: four days later a week began."""
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STATE = Struct("<" + NUMBERS * (1 + BINS) + f"{DAYS * BINS}H{DAYS * BINS}dd")


class TimeOfWeek:
    """Levels by day of week and time of day in UTC, three hours a bin; spreads by time of day alone, of the residuals.

    A bin starts from that of the day before, as if worth six readings, so the first week is as by time of day. What
    lies as far from its level as about the last 36 readings did from theirs is near too: a lasting change is reported
    once, while the bins learn it week by week.

    Seasonal levels: P. R. Winters, "Forecasting Sales by Exponentially Weighted Moving Averages" (1960), additive and
    without a trend.
    """

    def __init__(self) -> None:
        self._all = MovingSpread(2, ALL_MEMORY)
        self._residuals = [MovingSpread(2, SPREAD_MEMORY) for _ in range(BINS)]
        self._counts = [0] * (DAYS * BINS)
        self._levels = [0.0] * (DAYS * BINS)
        self._off = 0.0

    def _level(self, bin_: int) -> float | None:
        """Of this bin, else of the latest day that is known, else of all readings; None at first."""
        for back in range(DAYS):
            # From a Monday on the places are negative and so those of the days before.
            if self._counts[bin_ - back * BINS]:
                return self._levels[bin_ - back * BINS]
        return self._all.level if self._all.count > WARM_UP else None

    def _near(self, value: float, time_us: int) -> tuple[float, float] | None:
        """Distance from the nearer of the level and the displaced level, and that level."""
        bin_ = _bin_of(time_us)
        level = self._level(bin_)
        if level is None:
            return None
        residuals = self._residuals[bin_ % BINS]
        if not residuals.count:
            return self._all.distance(value), self._all.level
        plain, displaced = residuals.distance(value - level), residuals.distance(value - level - self._off)
        return (displaced, level + self._off) if displaced < plain else (plain, level)

    def distance(self, value: float, time_us: int) -> float:
        """Spreads from the level at this time of the week, or from it and how far off the last readings were."""
        near = self._near(value, time_us)
        return near[0] if near else 0.0

    def expected(self, value: float, time_us: int) -> float | None:
        """The level at this time of the week, displaced as the last readings were where that is nearer."""
        near = self._near(value, time_us)
        return near[1] if near else None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `31.2 is far from what is usual on a Sunday around 14 h UTC: 9.1 spreads above 21.3`.

        In the first week without the day, of which nothing is known then.
        """
        day, second = divmod(time_us // 1_000_000, DAY_S)
        when = f"around {second // 3_600} h UTC"
        # Where the bin after this one is known, this one was left before.
        if self._counts[(_bin_of(time_us) + 1) % len(self._counts)]:
            when = f"on a {_NAMES[(day - _MONDAY) % DAYS]} {when}"
        distance, level = self._near(value, time_us) or (0.0, value)
        return f"{value:.6g} is far from what is usual {when}: {how_far(value, level, distance)}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value into its bin, and its residual into the spread of its time of day."""
        bin_ = _bin_of(time_us)
        level = self._level(bin_)
        if level is not None:
            self._learn_residual(value - level, self._residuals[bin_ % BINS])
            count = self._counts[bin_] or PRIOR
            self._counts[bin_] = count = min(count + 1, MEMORY)
            self._levels[bin_] = level + (value - level) / count
        self._all.learn(value)

    def _learn_residual(self, residual: float, residuals: MovingSpread) -> None:
        self._off += FOLLOW_RATE * (residual - self._off)
        if not residuals.count:
            residuals.restore(SPREAD_PRIOR, 0.0, self._all.spread)
        residuals.learn(residual)

    def state(self) -> bytes:
        """730 bytes."""
        return _STATE.pack(*numbers_of((self._all, *self._residuals)), *self._counts, *self._levels, self._off)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of times of the week")
        numbers = list(_STATE.unpack(state))
        restore_each((self._all, *self._residuals), numbers)
        counts = 3 * (1 + BINS)
        levels = counts + DAYS * BINS
        self._counts, self._levels, self._off = numbers[counts:levels], numbers[levels:-1], numbers[-1]


def _bin_of(time_us: int) -> int:
    """Monday's first bin is 0."""
    day = time_us // 1_000_000 // DAY_S
    return (day - _MONDAY) % DAYS * BINS + bin_of_day(time_us)
