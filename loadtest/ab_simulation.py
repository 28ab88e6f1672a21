"""Simulated experiments as the sums that each look sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.interactions.records import Sums

Counts = npt.NDArray[np.int64]
ARMS = ("control", "treatment")


@dataclass(frozen=True)
class Plan:
    """How many experiments, looks, and people an arm at the last look."""

    experiments: int = 4_000
    looks: int = 50
    people: int = 10_000

    @property
    def step(self) -> int:
        return self.people // self.looks


@dataclass(frozen=True)
class World:
    """How people convert: of those who did before, and of those who didn't, by share of people who did."""

    had_before: float = 0.10
    if_before: float = 0.55
    if_not: float = 0.05

    @property
    def base(self) -> float:
        return self.had_before * self.if_before + (1 - self.had_before) * self.if_not

    def cells(self, effect: float) -> list[float]:
        """Probabilities of (before, after): both, before only, after only, neither."""
        before, after, new = self.had_before, self.if_before + effect, self.if_not + effect
        return [before * after, before * (1 - after), (1 - before) * new, (1 - before) * (1 - new)]


def conversions(plan: Plan, world: World, effect: float, random: np.random.Generator, treated: float = 0.5) -> Counts:
    """How many people of each cell each look has seen: experiments x looks x arms x cells.

    Args:
        treated: share of the people in the treatment.
    """
    people = (round(2 * plan.step * (1 - treated)), round(2 * plan.step * treated))
    steps = [
        random.multinomial(each, world.cells(added), size=(plan.experiments, plan.looks))
        for each, added in zip(people, (0, effect), strict=True)
    ]
    return np.cumsum(np.stack(steps, axis=2), axis=1)


def conversion_looks(counts: Counts) -> Iterator[dict[str, Sums]]:
    """The looks of one experiment."""
    for look in counts.tolist():
        yield {arm: _conversion_sums(*cells) for arm, cells in zip(ARMS, look, strict=True)}


def _conversion_sums(both: int, before: int, after: int, neither: int) -> Sums:
    y, x = both + after, both + before
    return Sums(y + before + neither, y, y, x, x, both)


def revenues(plan: Plan, buyers: float, random: np.random.Generator) -> Counts:
    """Sums of hundredths and of their squares, where few buy and a few of them a lot: experiments x looks x arms x 2.

    What a buyer spends is lognormal with a deviation of 1, so a sixth of the buyers spend half of all.
    """
    shape = (plan.experiments, plan.looks, len(ARMS))
    bought = random.binomial(plan.step, buyers, size=shape)
    spent = np.rint(random.lognormal(3, 1, size=int(bought.sum())) * 100)
    owner = np.repeat(np.arange(bought.size), bought.ravel())
    sums = [np.bincount(owner, weights=each, minlength=bought.size).reshape(shape) for each in (spent, spent**2)]
    return np.cumsum(np.stack(sums, axis=3), axis=1).astype(np.int64)


def revenue_looks(plan: Plan, sums: Counts) -> Iterator[dict[str, Sums]]:
    """The looks of one experiment."""
    for number, look in enumerate(sums.tolist(), start=1):
        yield {arm: Sums(number * plan.step, y, yy) for arm, (y, yy) in zip(ARMS, look, strict=True)}


def enrolments(plan: Plan, share: float, random: np.random.Generator) -> Counts:
    """People in two arms at each look, where the first gets this share of them: experiments x looks x arms."""
    step = 2 * plan.step
    first = np.cumsum(random.binomial(step, share, size=(plan.experiments, plan.looks)), axis=1)
    total = np.arange(1, plan.looks + 1) * step
    made: Any = np.stack([first, total - first], axis=2)
    return made  # type: ignore[no-any-return]
