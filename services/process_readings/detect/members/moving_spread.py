"""Level and spread of a series in two numbers."""

import sys
from collections.abc import Iterable, Sequence
from math import sqrt

NUMBERS = "Hdd"
"""How `struct` packs the numbers of one."""
TINY = sys.float_info.min
ROUNDING = 1e-6  # devices that send float32 repeat a value with errors of this size
CLIP = 100.0


class MovingSpread:
    """Exponentially weighted level and p-th root of the p-th central moment; of the first readings all count alike.

    A higher moment widens the spread of heavy tails, so that their far readings are fewer spreads away. A reading
    counts for at most `CLIP` spreads, so that one of 1e300 doesn't blind the series.

    The update for p = 2: T. Finch, "Incremental calculation of weighted mean and variance" (2009).

    Args:
        power: 2 or 3.
        memory: readings, at most 65,535.
        count: what the level and spread that are given are worth, in readings; never more than the memory.
    """

    __slots__ = ("count", "level", "memory", "power", "spread")

    def __init__(self, power: int, memory: int, count: int = 0, level: float = 0.0, spread: float = 0.0) -> None:
        self.power = power
        self.memory = memory
        self.count = count
        self.level = level
        self.spread = spread

    def distance(self, value: float) -> float:
        """Spreads between the value and the level; may be infinite."""
        return abs(value - self.level) / max(self.spread, ROUNDING * abs(self.level), TINY)

    def learn(self, value: float) -> None:
        """Takes a value in."""
        count = self.count
        if count < self.memory:
            self.count = count = count + 1
            if count == 1:
                self.level = value
                return
        rate = 1.0 / count
        off = value - self.level
        spread = self.spread
        if spread <= TINY:
            self.level += rate * off
            self.spread = float(abs(off) * rate ** (1.0 / self.power))
            return
        far = abs(off) / spread
        if far > CLIP:
            far = CLIP
            off = far * spread if off > 0.0 else -far * spread
        self.level += rate * off
        if self.power == 2:
            self.spread = spread * sqrt(1.0 + rate * (far * far - 1.0))
        else:
            self.spread = float(spread * (1.0 + rate * (far**self.power - 1.0)) ** (1.0 / self.power))

    def numbers(self) -> tuple[int, float, float]:
        """Count, level and spread, which are the whole state."""
        return self.count, self.level, self.spread

    def restore(self, count: int, level: float, spread: float) -> None:
        """Takes what `numbers` gave."""
        self.count, self.level, self.spread = count, level, spread


def numbers_of(spreads: Iterable[MovingSpread]) -> list[float]:
    """The numbers of several, one after the other."""
    return [number for each in spreads for number in each.numbers()]


def restore_each(spreads: Iterable[MovingSpread], numbers: Sequence[float]) -> None:
    """Takes what `numbers_of` gave; more numbers may follow."""
    for at, each in enumerate(spreads):
        count, level, spread = numbers[3 * at : 3 * at + 3]
        each.restore(int(count), level, spread)
