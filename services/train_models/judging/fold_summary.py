"""How candidates did over the outer folds: mean and standard deviation of each metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.models.manifest import Task
from train_models.judging.metrics import all_metrics, metric_value, names_of
from train_models.training_result import CandidateResult, FoldScores

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Summary:
    """A metric over folds: `deviation` is between folds (n - 1); NaN of both where no fold tells it."""

    mean: float
    deviation: float
    folds: int


def fold_summary(
    task: Task, target: Array, folds: Sequence[FoldScores], threshold: float | None = None
) -> dict[str, Summary]:
    """Each metric of the task over the folds that tell it.

    Args:
        target: of the development rows, into which the folds' rows are positions.
        threshold: of decisions; 0.5 where it is None.
    """
    found = [all_metrics(task, target[fold.rows], fold.scores, threshold) for fold in folds]
    return {name: _summary([values[name] for values in found]) for name in names_of(task)}


def _summary(values: Sequence[float]) -> Summary:
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return Summary(float("nan"), float("nan"), 0)
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return Summary(float(np.mean(known)), deviation, len(known))


def fold_metrics(name: str, target: Array, folds: Sequence[FoldScores], threshold: float | None = None) -> Array:
    """One metric of each fold, in their order."""
    return np.array([metric_value(name, target[fold.rows], fold.scores, threshold) for fold in folds])


def out_of_fold(rows: int, candidate: CandidateResult) -> Array:
    """Each row's mean score over the folds that tested it; NaN where none did, as at a time split's start.

    Args:
        rows: how many development rows there are.
    """
    total, times = np.zeros(rows), np.zeros(rows)
    for fold in candidate.folds:
        np.add.at(total, fold.rows, fold.scores)
        np.add.at(times, fold.rows, 1)
    mean: Array = np.divide(total, times, out=np.full(rows, np.nan), where=times > 0)
    return mean
