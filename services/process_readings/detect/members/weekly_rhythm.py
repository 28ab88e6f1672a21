"""What the day of the week changes, so that a quiet weekend is no anomaly."""

from array import array
from math import sqrt
from struct import Struct

from process_readings.detect.members.day_bins import BIN_US, BINS, LASTING
from process_readings.detect.members.moving_spread import ROUNDING
from process_readings.detect.packed_numbers import pack_array, unpack_array

DAYS = 7
PLACES = DAYS * BINS
LARGEST = 1e30
"""Larger means are not learned: levels are kept in 32 bits."""
WEEKS = 8
CONFIRMED = 2
"""So many visits in a row must have been alike."""
UNSURE = 3
"""Of seven days so many may be new or have been far off. When more are, as after a change to summer time, levels of
before and after it would be compared."""
SURE = 3.0
NEAR = 4.0
CLIP = 2.0
SPREAD_MEMORY = 28
LEAST_SPREAD = 1 / 16
"""Of how far off a visit is when levels follow: else a series that was constant at first would keep a spread of 0."""
_SUSPECT = 0x80
_HEAD = Struct("<qQdBd")
_LEVELS_AT = _HEAD.size
_ALIKE_AT = _LEVELS_AT + 4 * PLACES
_SPREADS_AT = _ALIKE_AT + PLACES
_DIFFERENCES_AT = _SPREADS_AT + 4 * BINS
STATE_BYTES = _DIFFERENCES_AT + BINS


class WeeklyRhythm:
    """By how much a series is higher at this time of the week than at this time of the day.

    A week has 56 places of three hours in UTC, and a place's level is a mean of its visits' means with a memory of
    eight. How far visits are from their places' levels, by time of day, is the spread. A place's offset is that of its
    level from the median of the seven days' levels at the same time of day. It counts once two visits in a row were
    alike, if it is beyond `SURE` spreads and most of the seven days are sure of their levels; otherwise it is 0, as it
    is for all series whose weeks are not alike.

    A visit that is far off is passed over, as an outage is, and its place begins anew if the next one is far off too.
    After three days of them all places move by what they have in common: a lasting change leaves the offsets.

    Seasonal adjustment by averages of a season's parts: W. M. Persons, "Indices of Business Conditions" (1919).
    """

    def __init__(self) -> None:
        self._levels = array("f", [0.0] * PLACES)
        self._alike = bytearray(PLACES)  # visits in a row, at most `WEEKS`; with `_SUSPECT` the last was far off
        self._spreads = array("f", [0.0] * BINS)
        self._differences = bytearray(BINS)
        self._run = 0
        self._run_mean = 0.0
        self._visit = self._count = 0
        self._sum = self._offset = 0.0

    def offset(self, time_us: int) -> float:
        """What to take from a reading of this time to have it as on a usual day."""
        visit = time_us // BIN_US
        return self._offset if visit == self._visit else self._offset_of(visit)

    def learn(self, value: float, time_us: int) -> None:
        """Takes a value in. A late one is passed over, unless the clock was set back by more than a week."""
        visit = time_us // BIN_US
        if visit != self._visit:
            if self._count and 0 < self._visit - visit <= PLACES:
                return
            if self._count and visit > self._visit:
                self._end_visit()
            self._visit, self._count, self._sum = visit, 0, 0.0
            self._offset = self._offset_of(visit)
        self._count += 1
        self._sum += value

    def _end_visit(self) -> None:
        place, mean = self._visit % PLACES, self._sum / self._count
        if not -LARGEST <= mean <= LARGEST:
            return
        alike = self._alike[place] & ~_SUSPECT
        if not alike:
            self._levels[place], self._alike[place] = mean, 1
            return
        off = mean - self._levels[place]
        is_near = self._is_near(off, place)
        self._learn_spread(off, place % BINS)
        if is_near:
            self._run = 0
            self._alike[place] = alike = min(alike + 1, WEEKS)
            self._levels[place] += off / alike
        elif not self._has_moved(off):
            self._pass_over(place, mean, off)

    def _pass_over(self, place: int, mean: float, off: float) -> None:
        """Notes that a visit was far off; the second in a row begins the place anew."""
        if not self._alike[place] & _SUSPECT:
            self._alike[place] |= _SUSPECT
            return
        self._levels[place], self._alike[place] = mean, 1
        time = place % BINS
        self._spreads[time] = max(self._spreads[time], LEAST_SPREAD * abs(off))

    def _is_near(self, off: float, place: int) -> bool:
        return self._differences[place % BINS] < DAYS or abs(off) <= NEAR * self._width(place)

    def _width(self, place: int) -> float:
        return max(self._spreads[place % BINS], ROUNDING * abs(self._levels[place]))

    def _learn_spread(self, off: float, time: int) -> None:
        """Of the first week all differences count alike, later ones for at most `CLIP` spreads."""
        spread, count = self._spreads[time], self._differences[time]
        if count >= DAYS:
            off = min(abs(off), CLIP * spread)
        self._differences[time] = count = min(count + 1, SPREAD_MEMORY)
        self._spreads[time] = sqrt(spread * spread + (off * off - spread * spread) / count)

    def _has_moved(self, off: float) -> bool:
        """Notes a visit that is far off; moves all places after three days of them."""
        self._run += 1
        # Without the first, of which only a part may be off.
        self._run_mean += (off - self._run_mean) / max(self._run - 1, 1)
        if self._run < LASTING:
            return False
        for place, alike in enumerate(self._alike):
            if alike:
                self._levels[place] = min(max(self._levels[place] + self._run_mean, -LARGEST), LARGEST)
                self._alike[place] = alike & ~_SUSPECT
        least = LEAST_SPREAD * abs(off - self._run_mean)
        self._spreads = array("f", [max(spread, least) for spread in self._spreads])
        self._run, self._run_mean = 0, 0.0
        return True

    def _offset_of(self, visit: int) -> float:
        place = visit % PLACES
        if self._alike[place] & ~_SUSPECT < CONFIRMED:
            return 0.0
        same_time = range(place % BINS, PLACES, BINS)
        alike = [self._alike[each] for each in same_time]
        if not all(alike) or sum(not CONFIRMED <= each <= WEEKS for each in alike) > UNSURE:
            return 0.0
        usual = sorted(self._levels[each] for each in same_time)[DAYS // 2]
        offset = self._levels[place] - usual
        return offset if abs(offset) > SURE * self._width(place) else 0.0

    def state(self) -> bytes:
        """353 bytes."""
        head = _HEAD.pack(self._visit, self._count, self._sum, self._run, self._run_mean)
        return b"".join([head, pack_array(self._levels), self._alike, pack_array(self._spreads), self._differences])

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != STATE_BYTES:
            raise ValueError(f"{len(state)} bytes are no state of a weekly rhythm")
        self._visit, self._count, self._sum, self._run, self._run_mean = _HEAD.unpack_from(state)
        self._levels = unpack_array("f", state[_LEVELS_AT:_ALIKE_AT])
        self._alike = bytearray(state[_ALIKE_AT:_SPREADS_AT])
        self._spreads = unpack_array("f", state[_SPREADS_AT:_DIFFERENCES_AT])
        self._differences = bytearray(state[_DIFFERENCES_AT:])
        self._offset = self._offset_of(self._visit)
