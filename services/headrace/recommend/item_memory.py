"""What the learner keeps of one item, and how it is added to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

LANDMARK = 1_577_836_800_000_000
"""2020-01-01. Pairs are kept as weights of that time: growing with time, so that the old ones fade beside them."""
_MOST = 60.0
"""A count's logarithm to base 2 at most: a time far ahead of now must not end the process."""
NEVER = -math.inf


class ItemMemory(msgspec.Struct, array_like=True, gc=False):
    """One item.

    Attributes:
        count: people-weighted interactions, not faded.
        lively: counts with each half-life, as log2(count) + time / half-life (forward decay, Cormode et al. 2009).
        pairs: other item → how much it goes with this one, as a weight of `LANDMARK`.
        mass: all that was ever added to its pairs, as such a weight.
        first_seen, updated: microseconds.
    """

    count: float
    lively: list[float]
    pairs: dict[str, float]
    mass: float
    first_seen: int
    updated: int

    def add(self, amount: float, time: int, half_lives: Sequence[float]) -> None:
        """Counts an interaction; a negative amount takes one back."""
        if amount == 0:
            return
        self.count = max(self.count + amount, 0.0)
        self.updated = max(self.updated, time)
        for place, half_life in enumerate(half_lives):
            self.lively[place] = _added(self.lively[place], amount, time / half_life)

    def decayed(self, now: int, half_lives: Sequence[float]) -> tuple[float, ...]:
        """The faded counts as of a time."""
        return tuple(
            2.0 ** min(lively - now / half_life, _MOST) if lively > NEVER else 0.0
            for lively, half_life in zip(self.lively, half_lives, strict=True)
        )

    def go_with(self, item: str, weight: float, kept: int) -> None:
        """Adds to how much this goes with another item; a negative weight takes back."""
        total = self.pairs.get(item, 0.0) + weight
        self.mass = max(self.mass + weight, 0.0)
        if total <= 0 or (weight < 0 and total < -weight * 1e-9):
            self.pairs.pop(item, None)
            return
        self.pairs[item] = total
        if len(self.pairs) > kept + kept // 4:
            best = sorted(self.pairs.items(), key=lambda pair: -pair[1])[:kept]
            self.pairs = dict(best)


def new_memory(time: int, half_lives: Sequence[float]) -> ItemMemory:
    """An item that nothing is known of."""
    return ItemMemory(0.0, [NEVER] * len(half_lives), {}, 0.0, time, time)


def closest(
    item: str, items: Mapping[str, ItemMemory], count: int, shrinkage: float, half_life: float
) -> list[tuple[str, float]]:
    """The items that go with one, by the cosine of who turned to them, shrunk where few did; the closest first."""
    own = items[item]
    root = math.sqrt(own.mass)
    shrinkage *= grown(own.updated, half_life)
    scored = [
        (pair / (root * math.sqrt(other.mass) + shrinkage), name)
        for name, pair in own.pairs.items()
        if (other := items.get(name)) is not None and other.mass > 0
    ]
    scored.sort(key=lambda each: (-each[0], each[1]))
    return [(name, score) for score, name in scored[:count]]


def grown(time: int, half_life: float) -> float:
    """What 1 of a time is worth as a weight of `LANDMARK`."""
    return float(2.0 ** ((time - LANDMARK) / half_life))


def _added(lively: float, amount: float, exponent: float) -> float:
    if lively == NEVER:
        return math.log2(amount) + exponent if amount > 0 else NEVER
    # What is there, relative to the newer of the two, so that nothing overflows.
    top = max(lively, exponent)
    total = 2.0 ** (lively - top) + amount * 2.0 ** (exponent - top)
    return top + math.log2(total) if total > 1e-9 else NEVER
