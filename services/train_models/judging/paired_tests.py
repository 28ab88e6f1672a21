"""Whether one model is better than another on the same rows or folds, beyond chance."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import binomtest, chi2
from scipy.stats import t as student

from headrace.models.manifest import Task
from train_models.judging.metrics import GREATER_IS_BETTER, decisions_of, metric_value
from train_models.judging.resampling import DRAWS, count_of, drawn_counts, tail_by_draws, tail_of_draws
from train_models.judging.weighted_metrics import WeightedMetrics

Array = np.ndarray[Any, Any]

MCNEMAR, DECISIONS = "McNemar", "paired bootstrap of decisions"
"""Tests of accuracies, whatever the model's metric is."""
_FEW = 25
"""Rows that only one has right, below which the chi-squared approximation is not used."""


@dataclass(frozen=True)
class PairedTest:
    """What a test says of a difference, the first less the second.

    Attributes:
        p_value: two-sided; 1 where nothing differs.
        low: of the difference's 95 % confidence interval; NaN where the test gives none.
        gain: the difference with the sign that more is better, of a metric whose sense is known; else the difference.
    """

    test: str
    difference: float
    p_value: float
    low: float
    high: float
    gain: float

    def is_better(self, alpha: float = 0.05) -> bool:
        """Whether the first is better than the second, at this significance."""
        return self.gain > 0 and self.p_value < alpha

    def is_worse(self, alpha: float = 0.05) -> bool:
        """Whether the first is worse than the second, at this significance."""
        return self.gain < 0 and self.p_value < alpha


def corrected_resampled_t(metric: str, first: Array, second: Array, test_share: float) -> PairedTest:
    """The t-test of two candidates' metrics over the same folds, whose training rows overlap.

    The variance of the mean difference is (1/n + test/train) times that between folds, in place of 1/n, since folds
    share rows: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003; for repeated
    cross-validation Bouckaert and Frank, PAKDD 2004.

    Args:
        metric: that the values are of.
        first: one value per fold, in the same order as the second's; folds with NaN are left out.
        test_share: of a fold's rows that test, such as 0.2 of 5 folds.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    differences = differences[np.isfinite(differences)]
    n, name = len(differences), "corrected resampled t"
    mean = float(differences.mean()) if n else float("nan")
    if n < 2:
        return _found(name, metric, mean, float("nan"), float("nan"), float("nan"))
    error = np.sqrt((1 / n + test_share / (1 - test_share)) * differences.var(ddof=1))
    if error <= 1e-12 * abs(mean):
        return _found(name, metric, mean, 1.0 if mean == 0 else 0.0, mean, mean)
    p_value, half = 2 * student.sf(abs(mean) / error, n - 1), student.ppf(0.975, n - 1) * error
    return _found(name, metric, mean, float(p_value), mean - half, mean + half)


def mcnemar(target: Array, first: Array, second: Array) -> PairedTest:
    """McNemar's test of two models' decisions on the same rows: by those that only one of them has right.

    Exact (binomial) where fewer than 25 rows differ, else chi-squared with Edwards' correction: McNemar, Psychometrika
    12, 1947; Dietterich, Neural Computation 10, 1998, section 3.1. The difference is of accuracies.

    Args:
        first: decisions, bool or 0 and 1.
        second: as many.
    """
    right = np.asarray(first).astype(bool) == (np.asarray(target) == 1)
    other = np.asarray(second).astype(bool) == (np.asarray(target) == 1)
    only_first, only_second = int(np.count_nonzero(right & ~other)), int(np.count_nonzero(other & ~right))
    differing = only_first + only_second
    difference = (only_first - only_second) / len(right) if len(right) else float("nan")
    if differing == 0:
        p_value = 1.0
    elif differing < _FEW:
        p_value = float(binomtest(only_first, differing, 0.5).pvalue)
    else:
        p_value = float(chi2.sf(max(0, abs(only_first - only_second) - 1) ** 2 / differing, 1))
    return _found(MCNEMAR, "accuracy", difference, p_value, float("nan"), float("nan"))


def paired_bootstrap(
    metric: str,
    task: Task,
    target: Array,
    first: Array,
    second: Array,
    *,
    thresholds: tuple[float | None, float | None] = (None, None),
    draws: int = DRAWS,
    seed: int = 0,
    clusters: Array | None = None,
) -> PairedTest:
    """The difference of a metric between two models scored on the same rows, of which both get the same draws.

    The p-value is twice the smaller share of draws on one side of zero, the level at which the percentile interval
    ends there: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, sections 13.3 and 15.4.

    Args:
        first: scores of the candidate, such as probabilities.
        second: scores of the champion, for the same rows in the same order.
        thresholds: of the first's and the second's decisions.
        clusters: of rows that hang together, which are drawn as wholes; see `drawn_counts`.
    """
    both = WeightedMetrics(target, first, thresholds[0]), WeightedMetrics(target, second, thresholds[1])
    blocks = [
        both[0].values((metric,), counts)[:, 0] - both[1].values((metric,), counts)[:, 0]
        for counts in drawn_counts(target, task == "classification", draws, seed, clusters)
    ]
    drawn = np.concatenate(blocks) if blocks else np.zeros(0)
    drawn = drawn[np.isfinite(drawn)]
    seen = metric_value(metric, target, first, thresholds[0]) - metric_value(metric, target, second, thresholds[1])
    if not len(drawn):
        return _found("paired bootstrap", metric, seen, float("nan"), float("nan"), float("nan"))
    tail = tail_of_draws(0.025, count_of(clusters))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    side = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p_value = min(1.0, 2 * tail_by_draws(min(0.5, (side + 1) / (len(drawn) + 1)), count_of(clusters)))
    return _found("paired bootstrap", metric, seen, float(p_value), float(low), float(high))


def compare_decisions(
    target: Array,
    first: Array,
    second: Array,
    thresholds: tuple[float | None, float | None],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    clusters: Array | None = None,
) -> PairedTest:
    """The accuracies of the decisions that two models' probabilities give.

    By McNemar's test, which takes rows as independent; where they hang together, by the bootstrap of their clusters.
    """
    if clusters is None:
        return mcnemar(target, decisions_of(first, thresholds[0]), decisions_of(second, thresholds[1]))
    found = paired_bootstrap(
        "accuracy",
        "classification",
        target,
        first,
        second,
        thresholds=thresholds,
        draws=draws,
        seed=seed,
        clusters=clusters,
    )
    return replace(found, test=DECISIONS)


def _found(test: str, metric: str, difference: float, p_value: float, low: float, high: float) -> PairedTest:
    gain = difference if GREATER_IS_BETTER.get(metric, True) else -difference
    return PairedTest(test, difference, p_value, low, high, gain)
