"""Hit rate, nDCG and MRR of ranks, with intervals and a test by a bootstrap of persons."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from train_models.judging.paired_tests import PairedTest
from train_models.judging.resampling import DRAWS, drawn_counts
from train_models.recommending.ranks import TOP, Ranks

Name = Literal["hit_rate", "ndcg", "mrr"]
NAMES: tuple[Name, ...] = ("hit_rate", "ndcg", "mrr")
LABELS = {"hit_rate": f"hit rate@{TOP}", "ndcg": f"nDCG@{TOP}", "mrr": "MRR", "coverage": "coverage"}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over cases with its 95 % interval over persons."""

    value: float
    low: float
    high: float


def values(name: Name, ranks: Array) -> Array:
    """What each case counts: a hit among the first ten, 1 / log2(1 + rank) of it, or 1 / rank of all ranks."""
    if name == "mrr":
        return 1 / ranks
    hits = ranks <= TOP
    return hits.astype(np.float64) if name == "hit_rate" else np.where(hits, 1 / np.log2(1 + ranks), 0.0)


def mean(name: Name, found: Ranks) -> float:
    """Over all cases; 0 where there is none."""
    return float(values(name, found.ranks).mean()) if len(found.ranks) else 0.0


def estimates(found: Ranks, people: NDArray[Any], seed: int) -> dict[Name, Estimate]:
    """Of all metrics, with intervals: what one person does at several times isn't independent, so persons are drawn.

    Args:
        people: of each case.
    """
    drawn = _drawn_means(np.stack([values(name, found.ranks) for name in NAMES]), people, seed)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {name: Estimate(mean(name, found), float(low[at]), float(high[at])) for at, name in enumerate(NAMES)}


def paired_test(name: Name, first: Ranks, second: Ranks, people: NDArray[Any], seed: int = 0) -> PairedTest:
    """The difference of two models on the same cases, over the same draws of persons.

    The p-value is the level at which the percentile interval ends at zero, as of `judging.paired_tests`.
    """
    drawn = _drawn_means((values(name, first.ranks) - values(name, second.ranks))[None], people, seed)[:, 0]
    difference = mean(name, first) - mean(name, second)
    low, high = np.quantile(drawn, [0.025, 0.975])
    side = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p_value = min(1.0, 2 * (side + 1) / (len(drawn) + 1))
    return PairedTest("paired bootstrap of persons", difference, float(p_value), float(low), float(high), difference)


def _drawn_means(each: Array, people: NDArray[Any], seed: int) -> Array:
    """Of values (metrics, cases) the means of each draw of persons: (draws, metrics)."""
    _, of_case = np.unique(people, return_inverse=True)
    cases = np.bincount(of_case).astype(np.float64)
    sums = np.stack([np.bincount(of_case, row) for row in each], axis=1)
    return np.concatenate(
        [(counts @ sums) / (counts @ cases)[:, None] for counts in drawn_counts(cases, False, DRAWS, seed)]
    )
