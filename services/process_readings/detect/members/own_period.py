"""The member of the ensemble that finds a period of the series' own, whatever its length."""

from statistics import median
from struct import Struct

from process_readings.detect.members.correlogram import find_period
from process_readings.detect.members.member import how_far
from process_readings.detect.members.moving_spread import TINY, MovingSpread
from process_readings.detect.members.slots import STATE_BYTES, Slots

PERIODS = (1, 2, 3)
MEMORY = 6400
WARM_UP = 60
LEAST_SPREAD = 0.05
_HEAD = Struct("<dHdd")

Band = tuple[float, float]


class OwnPeriod:
    """Distance of a reading from the same part of the last three periods, in spreads of such distances.

    Each time that all of the last 96 slots of time are new, their autocorrelation is searched for a period. Where there
    is none the slots become wider, so that a period of 4 to 16,000 readings is found in time. What is expected is the
    median of the slots one, two and three periods before, or the mean of two, so that what is odd is no alarm again one
    period later; as these are always the last ones, nothing gets out of step. A reading between the least and the
    greatest such value of its slot and the two beside it is as expected.

    Seasonal naive forecasts: R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice" (2021).
    """

    def __init__(self) -> None:
        self._slots = Slots()
        self._period = 0.0  # in slots, 0 for none
        self._distances = MovingSpread(3, MEMORY)
        self._prepare()

    def _band(self, time_us: int) -> Band | None:
        """Least and greatest value that is expected; None where there is no period or the time is far on."""
        if not self._period:
            return None
        ahead = self._slots.ahead(time_us)
        return self._band_of(ahead) if ahead else self._now

    def _band_of(self, ahead: int) -> Band | None:
        """Of the slot so many after the present one."""
        if not self._period or ahead >= self._period:
            return None
        usual = [self._usual_of(ahead + beside) for beside in (-1, 0, 1)]
        known = [each for each in usual if each is not None]
        return (min(known), max(known)) if known else None

    def _usual_of(self, ahead: int) -> float | None:
        """The middle of the slots that lie whole periods before one."""
        slots = self._slots.means
        places = [len(slots) + ahead - round(periods * self._period) for periods in PERIODS]
        found = [slots[place] for place in places if 0 <= place < len(slots)]
        return median(found) if found else None

    def distance(self, value: float, time_us: int) -> float:
        """Spreads between the value and the band, 0 within it."""
        band = self._band(time_us)
        distances = self._distances
        if not band or distances.count < WARM_UP:
            return 0.0
        return abs(_beyond(value, band)) / max(distances.spread, LEAST_SPREAD * self._range, TINY)

    def expected(self, value: float, time_us: int) -> float | None:
        """The nearest value of the band."""
        band = self._band(time_us)
        return value - _beyond(value, band) if band else None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is far from where the last periods of 37.5 min were: 9.1 spreads above 21.3`."""
        far = how_far(value, self.expected(value, time_us) or 0.0, self.distance(value, time_us))
        length = _duration(self._period * self._slots.width)
        return f"is far from where the last periods of {length} were: {far}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value in, and its distance from the band."""
        band = self._band(time_us)
        if band:
            self._distances.learn(_beyond(value, band))
        slots = self._slots
        if slots.learn(value, time_us):
            if slots.is_full:
                self._search()
            self._prepare()

    def _prepare(self) -> None:
        """Sets what follows from the slots."""
        self._now = self._band_of(0)
        # Without a period nobody asks for it.
        self._range = max(self._slots.means) - min(self._slots.means) if self._period and self._slots.means else 0.0

    def _search(self) -> None:
        self._period = find_period(self._slots.means)
        if self._period:
            self._slots.seen()
        else:
            self._slots.widen()

    def state(self) -> bytes:
        """825 bytes."""
        return _HEAD.pack(self._period, *self._distances.numbers()) + self._slots.state()

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _HEAD.size + STATE_BYTES:
            raise ValueError(f"{len(state)} bytes are no state of a period")
        self._period, *distances = _HEAD.unpack_from(state)
        self._distances.restore(*distances)
        self._slots.restore(state[_HEAD.size :])
        self._prepare()


def _beyond(value: float, band: Band) -> float:
    """How far the value is above the band, below it as a negative number."""
    return max(value - band[1], 0.0) + min(value - band[0], 0.0)


def _duration(microseconds: float) -> str:
    """In the largest unit of which there are at least two."""
    sizes = ((86_400e6, "days"), (3_600e6, "h"), (60e6, "min"))
    size, unit = next(((size, unit) for size, unit in sizes if microseconds >= 2.0 * size), (1e6, "s"))
    return f"{microseconds / size:.3g} {unit}"
