"""Which rows train and which test: the hold-out, and the folds of a cross-validation, the same for all candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from headrace.errors import ConfigurationError
from headrace.models.manifest import Task
from train_models.choice.choice_spec import Validation
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Fold:
    """Positions of the rows that train and of those that test."""

    repeat: int
    fold: int
    train: Array
    test: Array


def kind_of(rows: TrainingRows, validation: Validation, task: Task) -> str:
    """`k_fold`, `stratified`, `group` or `time`, checked against what the rows have.

    Raises:
        ConfigurationError: the rows have no times or groups, or the split would put a group on both sides.
    """
    kind = validation.splits
    if kind == "auto":
        kind = "group" if rows.groups is not None else "stratified" if task == "classification" else "k_fold"
    if kind == "stratified" and task == "regression":
        raise ConfigurationError("validation: splits: a regression has no classes to stratify by; use k_fold")
    if kind == "group" and rows.groups is None:
        raise ConfigurationError("validation: splits: group needs `data: group`, the column of the groups")
    if kind in ("k_fold", "stratified") and rows.groups is not None:
        raise ConfigurationError(f"validation: splits: {kind} would put a group on both sides; use group or auto")
    if kind == "time":
        _check_times(rows)
    return kind


def split_hold_out(
    rows: TrainingRows, validation: Validation, task: Task, share: float | None = None
) -> tuple[Array, Array]:
    """Positions of the development rows and of the hold-out, ascending.

    The hold-out is a random share of the rows (of each class for a classification), of the groups, or the newest. Rows
    of the same time are on one side. With time, rows whose label wasn't known when the hold-out begins are on neither,
    nor are older rows of a group in it, where the model file names groups.

    Raises:
        ConfigurationError: a side would be empty or without one of the classes.
    """
    share = validation.hold_out if share is None else share
    kind = kind_of(rows, validation, task)
    everything = np.arange(len(rows))
    if task == "classification":
        _check_classes(rows, 2)
    if len(rows) < 4:
        raise ConfigurationError(f"{len(rows)} rows are too few to hold some out")
    if kind == "time":
        development, held = _newest(rows, max(1, round(share * len(rows))))
    elif kind == "group":
        _check_groups(rows, 2)
        splitter = GroupShuffleSplit(1, test_size=share, random_state=validation.seed)
        development, held = next(splitter.split(everything, groups=rows.groups))
    else:
        strata = rows.target if kind == "stratified" else None
        development, held = train_test_split(everything, test_size=share, random_state=validation.seed, stratify=strata)
    _check_sides(rows, development, held, task, "the hold-out")
    return np.sort(development), np.sort(held)


def folds_of(rows: TrainingRows, validation: Validation, task: Task) -> tuple[Fold, ...]:
    """The outer folds of all repeats.

    Raises:
        ConfigurationError: there are too few rows, groups or times, or rows of a class, for so many folds.
    """
    kind = kind_of(rows, validation, task)
    repeats = validation.repeats if kind in ("k_fold", "stratified") else 1
    return tuple(
        Fold(repeat, number, train, test)
        for repeat in range(repeats)
        for number, (train, test) in enumerate(_split(rows, kind, validation.folds, validation.seed + repeat, task))
    )


def inner_folds_of(rows: TrainingRows, validation: Validation, task: Task) -> tuple[Fold, ...]:
    """The folds of a search within the training rows of an outer fold."""
    inner = validation.model_copy(update={"folds": validation.inner_folds, "repeats": 1})
    return folds_of(rows, inner, task)


def _split(rows: TrainingRows, kind: str, folds: int, seed: int, task: Task) -> Iterator[tuple[Array, Array]]:
    everything = np.arange(len(rows))
    if len(rows) < 2 * folds:
        raise ConfigurationError(f"validation: {len(rows)} rows are too few for {folds} folds; use fewer")
    if task == "classification":
        _check_classes(rows, folds if kind in ("stratified", "k_fold") else 2)
    if kind == "time":
        found: Any = _by_time(rows, folds)
    elif kind == "group":
        _check_groups(rows, folds)
        shuffled = {"shuffle": True, "random_state": seed}
        splitter = (
            StratifiedGroupKFold(folds, **shuffled) if task == "classification" else GroupKFold(folds, **shuffled)
        )
        found = splitter.split(everything, rows.target, rows.groups)
    else:
        splitter = StratifiedKFold if kind == "stratified" else KFold
        found = splitter(folds, shuffle=True, random_state=seed).split(everything, rows.target)
    for number, (train, test) in enumerate(found):
        _check_sides(rows, train, test, task, f"fold {number}")
        yield train, test


def _newest(rows: TrainingRows, count: int) -> tuple[Array, Array]:
    times = _times(rows)
    cut = np.sort(times)[-count]
    held = np.flatnonzero(times >= cut)
    return _older(rows, cut, held), held


def _by_time(rows: TrainingRows, folds: int) -> Iterator[tuple[Array, Array]]:
    """Each fold tests the rows that follow; it trains on all whose label was known at the first of them."""
    times = _times(rows)
    order = np.argsort(times, kind="stable")
    size = min(len(rows) // (folds + 1), _testable(rows, folds) // folds)
    for _, tested in TimeSeriesSplit(folds, test_size=size).split(order):
        test = order[tested]
        yield _older(rows, times[test].min(), test), test


def _testable(rows: TrainingRows, folds: int) -> int:
    """How many rows come after the first label was known, as before there is nothing to learn from.

    Where enough are left, those come after that again: a fold's training rows can then be split in the same way.
    """
    if rows.known is None:
        return len(rows)
    times, known = _times(rows), rows.known
    late = times >= known.min()
    if late.sum() < folds:
        raise ConfigurationError(
            f"validation: {late.sum()} rows are later than the first label was known, too few for {folds} folds; use "
            "fewer, more cuts, or a label that looks less far ahead"
        )
    later = int((times >= known[late].min()).sum())
    return later if later >= folds else int(late.sum())


def _older(rows: TrainingRows, cut: float, test: Array) -> Array:
    older = _times(rows) < cut
    if rows.known is not None:
        older &= rows.known <= cut
    if rows.groups is not None and rows.is_group_named:
        older &= ~np.isin(rows.groups, rows.groups[test])
    return np.flatnonzero(older)


def _times(rows: TrainingRows) -> Array:
    if rows.times is None:
        raise ConfigurationError("validation: splits: time needs `data: time`, the column of the rows' times")
    return rows.times


def _check_times(rows: TrainingRows) -> None:
    if missing := int(np.isnan(_times(rows)).sum()):
        raise ConfigurationError(f"validation: splits: time: {missing} rows have no time; leave them out of the data")


def _check_classes(rows: TrainingRows, least: int) -> None:
    counts = np.bincount(rows.target.astype(np.int64), minlength=2)
    if counts.min() < least:
        raise ConfigurationError(
            f"validation: {counts[1]} positive and {counts[0]} other rows: each class needs {least} or more; "
            "use fewer folds or more rows"
        )


def _check_groups(rows: TrainingRows, least: int) -> None:
    count = 0 if rows.groups is None else len(np.unique(rows.groups))
    if count < least:
        raise ConfigurationError(f"validation: {count} groups are too few for {least} parts; use fewer folds")


def _check_sides(rows: TrainingRows, train: Array, test: Array, task: Task, what: str) -> None:
    for side, name in ((train, "to train on"), (test, "to test")):
        if len(side) == 0:
            raise ConfigurationError(f"validation: {what} has no rows {name}; use fewer folds or another split")
    if task == "classification" and len(np.unique(rows.target[train])) < 2:
        raise ConfigurationError(f"validation: {what} has rows of one class only to train on; use fewer folds")
    if task == "classification" and len(np.unique(rows.target[test])) < 2:
        raise ConfigurationError(f"validation: {what} has rows of one class only to test; use fewer folds")
