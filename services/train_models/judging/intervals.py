"""How sure the metrics of a hold-out are: bootstrap intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.models.manifest import Task
from train_models.judging.metrics import all_metrics, names_of
from train_models.judging.resampling import DRAWS, count_of, drawn_counts, tail_of_draws
from train_models.judging.weighted_metrics import WeightedMetrics

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Interval:
    """A metric's value, and between what it lies; NaN where the rows don't tell it."""

    value: float
    low: float
    high: float


def hold_out_intervals(
    task: Task,
    target: Array,
    scores: Array,
    threshold: float | None = None,
    *,
    names: tuple[str, ...] | None = None,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
    clusters: Array | None = None,
) -> dict[str, Interval]:
    """Each metric with its percentile bootstrap interval.

    Rows are drawn with replacement, of a classification within each class: Efron and Tibshirani, "An Introduction to
    the Bootstrap", 1993, sections 8.3 and 13.3. The threshold is taken as given, since it was not chosen on these rows.

    Args:
        names: of metrics; all of the task where it is None.
        level: of confidence, between 0 and 1.
        clusters: of rows that hang together, which are drawn as wholes; see `drawn_counts`.
    """
    wanted = names_of(task) if names is None else names
    values = all_metrics(task, target, scores, threshold)
    drawn = drawn_metrics(task, target, scores, threshold, wanted, draws, seed, clusters)
    bounds = _percentiles(drawn, tail_of_draws((1 - level) / 2, count_of(clusters)))
    return {name: Interval(values[name], *bounds[:, at].tolist()) for at, name in enumerate(wanted)}


def drawn_metrics(
    task: Task,
    target: Array,
    scores: Array,
    threshold: float | None,
    names: tuple[str, ...],
    draws: int,
    seed: int,
    clusters: Array | None = None,
) -> Array:
    """Each metric of each draw: (draws, names)."""
    weighted = WeightedMetrics(target, scores, threshold)
    drawn = drawn_counts(target, task == "classification", draws, seed, clusters)
    blocks = [weighted.values(names, counts) for counts in drawn]
    return np.concatenate(blocks) if blocks else np.zeros((0, len(names)))


def _percentiles(drawn: Array, tail: float) -> Array:
    """The lower and upper bound of each column, (2, columns); NaN of a column that holds none."""
    bounds = np.full((2, drawn.shape[1]), np.nan)
    known = np.isfinite(drawn).any(axis=0)
    if known.any():
        bounds[:, known] = np.nanquantile(drawn[:, known], [tail, 1 - tail], axis=0)
    return bounds
