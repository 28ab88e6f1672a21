"""The member of the ensemble that knows what is usual at this time of day."""

from struct import Struct

from process_readings.detect.member import how_far
from process_readings.detect.moving_spread import MovingSpread

BINS = 8
MEMORY = 300
PRIOR = 3
ALL_MEMORY = 6400
WARM_UP = 60
FOLLOW = 25
DISPLACED = 4.0
_DAY_S = 86_400
_SPREAD = "Hdd"
_STATE = Struct("<" + _SPREAD * (1 + BINS) + "b?B4d")


class TimeOfDay:
    """Level and spread by time of day in UTC, three hours a bin; a bin starts from all readings' as if worth three.

    After an alarm a displacement may go on: in the next bins what lies as far from their level as the last readings did
    from theirs is near too. So a lasting change is reported once, while the bins learn it day by day.

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

    def distance(self, value: float, time_us: int) -> float:
        """Spreads from the level at this time of day, or from it and the displacement that goes on."""
        bin_ = _bin_of(time_us)
        here = self._bins[bin_]
        if here.count == 0:
            return self._all.distance(value) if self._all.count > WARM_UP else 0.0
        distance = here.distance(value)
        moved = self._moved if bin_ == self._bin else self._goes_on()
        return min(distance, here.distance(value - moved)) if moved else distance

    def expected(self, value: float, time_us: int) -> float | None:
        """The level at this time of day, with the displacement where that is nearer."""
        bin_ = _bin_of(time_us)
        here = self._bins[bin_]
        if here.count == 0:
            return self._all.level if self._all.count > WARM_UP else None
        moved = self._moved if bin_ == self._bin else self._goes_on()
        if moved and abs(value - moved - here.level) < abs(value - here.level):
            return here.level + moved
        return here.level

    def explain(self, value: float, time_us: int) -> str:
        """Such as `31.2 is far from what is usual around 14 h UTC: 9.1 spreads above 21.3`."""
        hour = time_us // 1_000_000 % _DAY_S // 3_600
        expected = self.expected(value, time_us) or 0.0
        far = how_far(value, expected, self.distance(value, time_us))
        return f"{value:.6g} is far from what is usual around {hour} h UTC: {far}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value in; from an alarm on the displacement is followed."""
        bin_ = _bin_of(time_us)
        here = self._bins[bin_]
        if here.count == 0 and self._all.count > WARM_UP:
            here.restore(PRIOR, self._all.level, self._all.spread)
        if here.count:
            if bin_ != self._bin:
                self._moved = self._goes_on()
                self._bin = bin_
                self._follow(here, self._moved != 0.0)
            if is_alarm:
                self._follow(here, True)
            if self._is_followed:
                self._followed = min(self._followed + 1, FOLLOW)
                self._mean += (value - self._was_level - self._mean) / self._followed
            here.learn(value)
        self._all.learn(value)

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
        """197 bytes."""
        spreads = [number for each in (self._all, *self._bins) for number in each.numbers()]
        return _STATE.pack(
            *spreads,
            self._bin,
            self._is_followed,
            self._followed,
            self._moved,
            self._was_level,
            self._was_spread,
            self._mean,
        )

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _STATE.size:
            raise ValueError(f"{len(state)} bytes are no state of times of day")
        numbers = _STATE.unpack(state)
        for at, each in enumerate((self._all, *self._bins)):
            each.restore(*numbers[3 * at : 3 * at + 3])
        self._bin, self._is_followed, self._followed = numbers[3 * (1 + BINS) : 3 * (2 + BINS)]
        self._moved, self._was_level, self._was_spread, self._mean = numbers[3 * (2 + BINS) :]


def _bin_of(time_us: int) -> int:
    return time_us // 1_000_000 % _DAY_S * BINS // _DAY_S
