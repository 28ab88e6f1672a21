"""Judging lists of ten: hit rate, nDCG, MRR and coverage with intervals; all items are ranked, none are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TEN = 10
RESAMPLES = 1_000
_DISCOUNTS = 1 / np.log2(np.arange(2, TEN + 2))


@dataclass(slots=True)
class Verdicts:
    """What came of the lists of one contender, moment by moment.

    A hit is a list with a target in it. nDCG is as usual for several targets, for one 1 / log2(1 + rank). The
    reciprocal rank is that of the first target, 0 where none is among the ten.
    """

    subjects: list[str] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    reciprocal: list[float] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)

    def add(self, subject: str, targets: frozenset[str], items: Sequence[str]) -> None:
        """Judges one list, the first place first."""
        ranks = [rank for rank, item in enumerate(items[:TEN]) if item in targets]
        self.subjects.append(subject)
        self.hits.append(float(bool(ranks)))
        self.reciprocal.append(1 / (1 + ranks[0]) if ranks else 0.0)
        self.ndcg.append(float(_DISCOUNTS[ranks].sum() / _DISCOUNTS[: len(targets)].sum()))
        self.shown.update(items[:TEN])

    def figures(self, items: int) -> dict[str, object]:
        """Each figure with its 95 % interval; `items` is how many there are to recommend."""
        resampled = _Resampled(self.subjects)
        return {
            "moments": len(self.subjects),
            "people": resampled.people,
            "hit_rate": resampled.interval(self.hits),
            "ndcg": resampled.interval(self.ndcg),
            "mrr": resampled.interval(self.reciprocal),
            "coverage": len(self.shown) / items,
        }


def difference(one: Verdicts, other: Verdicts) -> dict[str, list[float]]:
    """How much better one contender's hit rate and nDCG are than another's on the same moments, with intervals."""
    resampled = _Resampled(one.subjects)
    return {
        "hit_rate": resampled.interval(np.subtract(one.hits, other.hits)),
        "ndcg": resampled.interval(np.subtract(one.ndcg, other.ndcg)),
    }


class _Resampled:
    """Bootstrap over people, since what one person does at several moments isn't independent."""

    def __init__(self, subjects: Sequence[str]) -> None:
        people, self._of = np.unique(np.array(subjects), return_inverse=True)
        self.people = len(people)
        random = np.random.Generator(np.random.PCG64(7))
        self._drawn = [random.integers(0, self.people, self.people) for _ in range(RESAMPLES)]
        self._moments = np.bincount(self._of, minlength=self.people).astype(float)

    def interval(self, values: Sequence[float] | NDArray[np.float64]) -> list[float]:
        """Mean, and the 2.5 % and 97.5 % points of its resamples."""
        sums = np.bincount(self._of, np.asarray(values), self.people)
        means = [sums[drawn].sum() / self._moments[drawn].sum() for drawn in self._drawn]
        low, high = np.quantile(means, (0.025, 0.975))
        return [round(float(each), 5) for each in (np.mean(values), low, high)]
