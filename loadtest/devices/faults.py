"""What goes wrong in real meters, by a seeded plan: the same seed and device give the same faults."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """One kind of fault of a device or of its line."""

    SPIKE = "spike"
    BIT_DROP = "bit_drop"
    STUCK = "stuck"
    GAP = "gap"
    DUPLICATE = "duplicate"
    LATE = "late"
    FUTURE_CLOCK = "future_clock"
    MALFORMED = "malformed"


_STEPS = {Fault.STUCK: (15, 30), Fault.GAP: (3, 10)}
_UNITS_PER_LITRE = 100
"""The meter counts hundredths, as the series does; a lost bit is a bit of that number."""
_BITS_BELOW = range(1, 4)
"""Which bits under the highest may be lost: 13 to 50 % of the value."""
_LATE_STEPS = (3, 20)
_FUTURE_S = (120, 86_400)


@dataclass(frozen=True)
class Planned:
    """The fault of one step.

    Attributes:
        fault: None where all is well.
        late_steps: how many steps the message waits on the device.
        clock_ahead_s: by how much the device's clock is wrong.
        variant: which of the malformed bodies.
    """

    fault: Fault | None = None
    late_steps: int = 0
    clock_ahead_s: int = 0
    variant: int = 0


class FaultPlan:
    """The faults of one device, step by step.

    `share` is how many of all steps begin a fault, 0 to 1.
    """

    def __init__(self, seed: int, device: str, share: float) -> None:
        self._random = random.Random(f"{seed}/{device}")
        self._share = share
        self._lasting = Planned()
        self._steps_left = 0

    def next(self) -> Planned:
        """The fault of the next step; a stuck value and a gap last for several."""
        if self._steps_left:
            self._steps_left -= 1
            return self._lasting
        if self._random.random() >= self._share:
            return Planned()
        return self._begin(self._random.choice(list(Fault)))

    def spiked(self, value: float) -> float:
        """A value several times too high."""
        return round(value * self._random.uniform(2, 6), 2)

    def with_bit_dropped(self, value: float) -> float:
        """A value whose number has lost one of its high bits; unchanged where all of those are 0."""
        units = round(value * _UNITS_PER_LITRE)
        set_bits = [bit for below in _BITS_BELOW if units & (bit := 1 << max(units.bit_length() - below, 0))]
        return (units & ~self._random.choice(set_bits)) / _UNITS_PER_LITRE if set_bits else value

    def _begin(self, fault: Fault) -> Planned:
        planned = Planned(
            fault,
            late_steps=self._random.randint(*_LATE_STEPS) if fault is Fault.LATE else 0,
            clock_ahead_s=self._random.randint(*_FUTURE_S) if fault is Fault.FUTURE_CLOCK else 0,
            variant=self._random.randrange(1_000),
        )
        if fault in _STEPS:
            self._lasting, self._steps_left = planned, self._random.randint(*_STEPS[fault]) - 1
        return planned
