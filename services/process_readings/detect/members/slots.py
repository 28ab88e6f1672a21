"""The means of a series over slots of time of equal width."""

from array import array
from struct import Struct

from process_readings.detect.packed_numbers import pack_array, unpack_array

SLOTS = 96
FIRST_GAPS = 32
MOST_DOUBLINGS = 9
WIDEST_US = 7 * 86_400_000_000
"""Of the first width."""
MOST_READINGS = 2**32 - 1
"""Of a slot, which a state can hold: where a clock stands still a slot never ends."""
_HEAD = Struct("<2qdI3B")
_MEANS_BYTES = 8 * SLOTS
STATE_BYTES = _HEAD.size + _MEANS_BYTES


class Slots:
    """The last 96 means. A slot is as wide as the first readings were apart, or two, four, … times that.

    An empty slot has the mean of the one before it, and a reading of an earlier time counts in the present one. Where
    the time jumps by more than all slots together, they begin anew.

    Attributes:
        means: oldest first, at most 96; without the present slot's.
        width: of a slot, in microseconds; 0 as long as it isn't known.
        new: how many of them came since `seen` was called.
    """

    def __init__(self) -> None:
        self.means: array[float] = array("d")
        self.width = 0
        self.new = 0
        self._begin = 0  # of the present slot; of the first reading as long as the width isn't known
        self._mean = 0.0
        self._count = 0  # readings in the present slot, or of the first
        self._doublings = 0

    @property
    def is_full(self) -> bool:
        """Whether there are 96, all of them new."""
        return self.new >= SLOTS

    def ahead(self, time_us: int) -> int:
        """How many slots after the present one a time is; 0 for an earlier one too."""
        return max(0, (time_us - self._begin) // self.width) if self.width else 0

    def learn(self, value: float, time_us: int) -> bool:
        """Takes a reading in; whether a new slot has begun with it."""
        if not self.width:
            self._learn_width(value, time_us)
            return False
        ahead = (time_us - self._begin) // self.width
        if not -SLOTS <= ahead <= SLOTS:
            self.means = array("d")
            self.new = 0
            self._begin = time_us
        elif ahead <= 0:
            self._count = min(self._count + 1, MOST_READINGS)
            self._mean += (value - self._mean) / self._count
            return False
        else:
            self.means.extend([self._mean] * ahead)
            del self.means[:-SLOTS]
            self.new = min(self.new + ahead, SLOTS)
            self._begin += ahead * self.width
        self._mean, self._count = value, 1
        return True

    def _learn_width(self, value: float, time_us: int) -> None:
        if self._count == 0:
            self._begin = time_us
        self._count += 1
        if self._count > FIRST_GAPS:
            self.width = min(max(0, time_us - self._begin) // FIRST_GAPS, WIDEST_US)
            self._begin, self._mean = time_us, value
            # With a width it is the first in its slot, without one the first of the next try.
            self._count = 1

    def seen(self) -> None:
        """All means are old from now on."""
        self.new = 0

    def widen(self) -> None:
        """Doubles the width, of which half the slots remain; after nine times begins with the first width again."""
        if self._doublings == MOST_DOUBLINGS:
            self.width >>= MOST_DOUBLINGS
            self._doublings = 0
            self.means = array("d")
        else:
            self.width *= 2
            self._doublings += 1
            pairs = zip(self.means[::2], self.means[1::2], strict=True)
            self.means = array("d", [0.5 * one + 0.5 * other for one, other in pairs])
        self.new = len(self.means)

    def state(self) -> bytes:
        """799 bytes."""
        counts = (self._count, self._doublings, self.new, len(self.means))
        head = _HEAD.pack(self._begin, self.width, self._mean, *counts)
        return head + pack_array(self.means).ljust(_MEANS_BYTES, b"\0")

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave."""
        self._begin, self.width, self._mean, self._count, *others = _HEAD.unpack_from(state)
        self._doublings, self.new, size = others
        self.means = unpack_array("d", state[_HEAD.size :])[:size]
