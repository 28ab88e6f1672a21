"""The metric at growing shares of the training rows: whether more rows would help."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from train_models.choice.algorithms import Params
from train_models.choice.cross_validation import in_parallel
from train_models.choice.fitting import fit, predict
from train_models.choice.plan import Plan
from train_models.choice.progress import Progress
from train_models.choice.run_store import RunStore, Stored
from train_models.choice.splits import Fold, kind_of
from train_models.judging.metrics import metric_value
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
_LEAST_ROWS = 40
_LEAST_OF_CLASS = 6
"""Fewer rows tell nothing, and some algorithms can't be fitted on them."""


def learning_curve(
    plan: Plan,
    title: str,
    params: Params,
    members: Mapping[str, Params],
    rows: TrainingRows,
    folds: Sequence[Fold],
    store: RunStore,
    progress: Progress,
) -> tuple[tuple[int, float, float], ...]:
    """Training rows, mean and standard deviation of the metric at each share, over the folds of the first repeat.

    A share is the newest rows where splits are by time, whole groups where they are by group, and else drawn from each
    class. Shares with too few rows are left out.
    """
    first = [fold for fold in folds if fold.repeat == 0]
    kind = kind_of(rows, plan.validation, plan.task)
    points = [_Point(share, fold, _part(plan, rows, fold.train, share, kind)) for share in SHARES for fold in first]
    too_small = {point.share for point in points if not _is_enough(plan, rows, point.train)}
    points = [point for point in points if point.share not in too_small]
    progress.start(len(points), "learning curve")
    values = _values(plan, title, params, members, rows, points, store, progress)
    return tuple(_summary(share, points, values) for share in SHARES if share not in too_small)


class _Point:
    def __init__(self, share: float, fold: Fold, train: Array) -> None:
        self.share = share
        self.fold = fold
        self.train = train
        self.name = f"{share:g} of fold {fold.fold}"


def _values(
    plan: Plan,
    title: str,
    params: Params,
    members: Mapping[str, Params],
    rows: TrainingRows,
    points: Sequence[_Point],
    store: RunStore,
    progress: Progress,
) -> dict[str, float]:
    found: dict[str, float] = {}
    calls: list[tuple[Any, ...]] = []
    for point in points:
        stored = store.load(f"learning_curve.{title}.{point.name}")
        if stored is None:
            calls.append((plan, title, params, members, rows, point))
        else:
            found[point.name] = stored.about["value"]
            progress.advance(point.name, None)
    for name, value in in_parallel(plan, _run_one, calls):
        store.save(f"learning_curve.{title}.{name}", Stored({"value": value}, {}))
        found[name] = value
        progress.advance(name, None)
    return found


def _run_one(
    plan: Plan, title: str, params: Params, members: Mapping[str, Params], rows: TrainingRows, point: _Point
) -> tuple[str, float]:
    fitted = fit(plan, title, params, rows.take(point.train), members)
    scores = predict(fitted.pipeline, rows.frame.iloc[point.fold.test])
    return point.name, metric_value(plan.metric, rows.target[point.fold.test], scores)


def _part(plan: Plan, rows: TrainingRows, train: Array, share: float, kind: str) -> Array:
    if share == 1:
        return train
    if kind == "time" and rows.times is not None:
        newest = np.argsort(rows.times[train], kind="stable")[-max(1, round(share * len(train))) :]
        return np.sort(train[newest])
    random = np.random.default_rng(plan.seed)
    if kind == "group" and rows.groups is not None:
        names = np.unique(rows.groups[train])
        kept = random.permutation(names)[: max(1, round(share * len(names)))]
        return train[np.isin(rows.groups[train], kept)]
    strata = rows.target[train] if plan.task == "classification" else np.zeros(len(train))
    parts = [random.permutation(train[strata == value]) for value in np.unique(strata)]
    return np.sort(np.concatenate([part[: max(1, round(share * len(part)))] for part in parts]))


def _is_enough(plan: Plan, rows: TrainingRows, train: Array) -> bool:
    if len(train) < _LEAST_ROWS:
        return False
    if plan.task == "regression":
        return True
    return bool(np.bincount(rows.target[train].astype(np.int64), minlength=2).min() >= _LEAST_OF_CLASS)


def _summary(share: float, points: Sequence[_Point], values: Mapping[str, float]) -> tuple[int, float, float]:
    chosen = [point for point in points if point.share == share]
    found = np.array([values[point.name] for point in chosen])
    deviation = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0
    return round(float(np.mean([len(point.train) for point in chosen]))), float(np.mean(found)), deviation
