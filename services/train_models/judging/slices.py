"""How a model does for parts of the rows: an average may hide whom it fails."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headrace.models.inputs import MISSING_TEXT, Input
from headrace.models.manifest import Task
from train_models.judging.intervals import Interval, hold_out_intervals
from train_models.judging.metrics import GREATER_IS_BETTER
from train_models.judging.resampling import count_of, deviations, part_of

Array = np.ndarray[Any, Any]

FEWEST_ROWS = 50
FEWEST_OF_A_CLASS = 10
FEWEST_CLUSTERS = 5
"""Of rows that hang together: with fewer nothing could be surely better."""
_QUARTILES = (0.25, 0.5, 0.75)
_MOST_LEVELS = 20
_DRAWS = 1_000


@dataclass(frozen=True)
class Slice:
    """One group of the hold-out.

    Attributes:
        group: a level, or from where to where numbers go.
        mean_target: share of positives, or mean value.
        mean_score: mean probability, or mean predicted value; near the other where the model fits the group.
        metrics: none where the group is too small to be judged.
        is_clearly_worse: worse than all rows by more than chance, at 5 % over all groups together (Bonferroni).
    """

    input: str
    group: str
    rows: int
    mean_target: float
    mean_score: float
    metrics: Mapping[str, Interval]
    is_too_small: bool
    is_clearly_worse: bool


def judge_slices(
    task: Task,
    metric: str,
    groups: Sequence[tuple[str, str, Array]],
    target: Array,
    scores: Array,
    threshold: float | None = None,
    *,
    seed: int = 0,
    clusters: Array | None = None,
) -> tuple[Slice, ...]:
    """Each group's metrics with intervals, the worst first and those too small last.

    A group is judged where `too_few` finds nothing.

    Args:
        metric: by which groups are ordered and compared with all rows.
        groups: input, group and a mask of its rows, as `groups_of` gives them.
        clusters: of rows that hang together, which are drawn as wholes; see `drawn_counts`.
    """
    names = _names(task, metric)
    whole = hold_out_intervals(task, target, scores, threshold, names=(metric,), draws=1, seed=seed)[metric].value
    found = []
    for field, group, mask in groups:
        chosen, predicted = target[mask], scores[mask]
        if len(chosen) == 0:
            continue
        own = part_of(clusters, mask)
        too_small = bool(too_few(task, chosen, own))
        intervals = (
            {}
            if too_small
            else hold_out_intervals(
                task, chosen, predicted, threshold, names=names, draws=_DRAWS, seed=seed, clusters=own
            )
        )
        worse = not too_small and _is_worse(metric, intervals[metric], whole, len(groups), count_of(own))
        means = float(chosen.mean()), float(predicted.mean())
        found.append(Slice(field, group, len(chosen), *means, intervals, too_small, worse))
    return tuple(sorted(found, key=lambda each: _order(metric, each)))


def _names(task: Task, metric: str) -> tuple[str, ...]:
    others = ("roc_auc", "precision", "recall") if task == "classification" else ("rmse", "mae", "r2")
    return tuple(dict.fromkeys((metric, *others)))


def too_few(task: Task, target: Array, clusters: Array | None = None) -> str:
    """Why rows are too few to be judged, in words; nothing where they are enough.

    50 rows are, of a classification with 10 of each class; where rows hang together, all of them and those of each
    class are of 5 clusters or more.
    """
    if len(target) < FEWEST_ROWS:
        return f"{len(target)} rows to compare on, and {FEWEST_ROWS} are needed"
    classes = [target == 1, target != 1] if task == "classification" else []
    rarer = min((int(np.count_nonzero(mask)) for mask in classes), default=FEWEST_OF_A_CLASS)
    if rarer < FEWEST_OF_A_CLASS:
        return f"{rarer} rows of the rarer class to compare on, and {FEWEST_OF_A_CLASS} are needed"
    if clusters is None:
        return ""
    found = min(len(np.unique(clusters[mask])) for mask in (*classes, np.ones(len(target), dtype=bool)))
    of_class = " with rows of each class" if classes else ""
    return "" if found >= FEWEST_CLUSTERS else f"groups{of_class}: {found}, and {FEWEST_CLUSTERS} are needed"


def _is_worse(metric: str, found: Interval, whole: float, groups: int, clusters: int | None) -> bool:
    """The interval's half width is stretched from 95 % to what as many looks ask for, as if errors were normal."""
    stretch = deviations(0.025 / groups, clusters) / deviations(0.025, clusters)
    if GREATER_IS_BETTER[metric]:
        return bool(found.value + stretch * (found.high - found.value) < whole)
    return bool(found.value - stretch * (found.value - found.low) > whole)


def _order(metric: str, found: Slice) -> tuple[bool, float]:
    if found.is_too_small:
        return True, -found.rows
    value = found.metrics[metric].value
    return False, value if GREATER_IS_BETTER[metric] else -value


def groups_of(
    inputs: Sequence[Input], names: Sequence[str], frame: pd.DataFrame, hold_out: pd.DataFrame
) -> list[tuple[str, str, Array]]:
    """Groups of the hold-out by the inputs named: levels, the quarters of numbers, and those without a value.

    Args:
        names: of the inputs.
        frame: all rows, whose quartiles and frequent levels make the groups.
        hold_out: the rows to be grouped.

    Returns:
        input, group, and a mask over the hold-out's rows.
    """
    by_name = {field.name: field for field in inputs}
    return [
        (name, group, mask)
        for name in names
        for group, mask in _groups(by_name[name], frame[name].to_numpy(), hold_out[name].to_numpy())
    ]


def _groups(field: Input, every: Array, values: Array) -> Iterator[tuple[str, Array]]:
    if not field.is_numeric:
        yield from _levels(every, values)
        return
    known = every[~np.isnan(every)]
    different = np.unique(known)
    if len(different) <= len(_QUARTILES) + 1:
        yield from ((_level(field, number), values == number) for number in different)
    else:
        yield from _quarters(known, values)
    if np.isnan(values).any():
        yield "without a value", np.isnan(values)


def _levels(every: Array, values: Array) -> Iterator[tuple[str, Array]]:
    levels, counts = np.unique(every.astype(str), return_counts=True)
    frequent = levels[np.argsort(-counts, kind="stable")][:_MOST_LEVELS]
    for level in frequent:
        yield ("without a value" if level == MISSING_TEXT else str(level)), values == level
    if len(levels) > len(frequent):
        yield "all others", ~np.isin(values.astype(str), frequent)


def _level(field: Input, number: float) -> str:
    return ("yes" if number else "no") if field.kind == "boolean" else f"{number:g}"


def _quarters(known: Array, values: Array) -> Iterator[tuple[str, Array]]:
    edges = np.unique(np.quantile(known, _QUARTILES))
    places = np.searchsorted(edges, values, side="left")
    for at in range(len(edges) + 1):
        low = known.min() if at == 0 else edges[at - 1]
        high = known.max() if at == len(edges) else edges[at]
        text = f"{low:.4g} to {high:.4g}" if at == 0 else f"above {low:.4g}, to {high:.4g}"
        yield text, (places == at) & ~np.isnan(values)
