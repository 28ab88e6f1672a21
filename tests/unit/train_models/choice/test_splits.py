"""Folds and the hold-out: nothing is on both sides, and nothing later teaches."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from tests.unit.train_models.choice.toy import toy_rows
from train_models.choice.choice_spec import Validation
from train_models.choice.splits import folds_of, inner_folds_of, split_hold_out
from train_models.training_result import TrainingRows


def _timed(count: int, distinct: int, seed: int = 3) -> TrainingRows:
    times = np.random.default_rng(seed).integers(0, distinct, count).astype(np.float64)
    return replace(toy_rows(count, "regression"), times=times)


def _grouped(count: int, groups: int) -> TrainingRows:
    names = np.array([f"g{number}" for number in np.random.default_rng(3).integers(0, groups, count)], dtype=object)
    return replace(toy_rows(count), groups=names)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_each_repeat_tests_every_row_once_and_differs(task: Any) -> None:
    rows = toy_rows(100, task)
    folds = folds_of(rows, Validation(folds=4, repeats=2), task)

    for repeat in (0, 1):
        tested = np.concatenate([fold.test for fold in folds if fold.repeat == repeat])
        assert sorted(tested) == list(range(100))
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
    assert not np.array_equal(folds[0].test, folds[4].test)
    again = folds_of(rows, Validation(folds=4, repeats=2), task)
    assert all(np.array_equal(one.test, other.test) for one, other in zip(folds, again, strict=True))


def test_classes_are_in_each_fold_as_in_all_rows() -> None:
    rows = toy_rows(200, positive=0.1)

    for fold in folds_of(rows, Validation(folds=5), "classification"):
        assert rows.target[fold.test].sum() == 4


@settings(max_examples=40, deadline=None)
@given(distinct=st.integers(12, 400), folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_no_row_as_late_as_one_that_tests_ever_trains(distinct: int, folds: int, seed: int) -> None:
    rows = _timed(120, distinct, seed)
    validation = Validation(splits="time", folds=folds)
    try:
        found = folds_of(rows, validation, "regression")
    except ConfigurationError:
        assert distinct < 30
        return
    times = rows.times
    assert times is not None
    for fold in found:
        assert times[fold.train].max() < times[fold.test].min()
    development, held = split_hold_out(rows, validation, "regression")
    assert times[development].max() < times[held].min()
    assert len(held) >= 24
    assert sorted([*development, *held]) == list(range(120))


def test_groups_never_cross() -> None:
    rows = _grouped(200, 23)
    groups = rows.groups
    assert groups is not None
    development, held = split_hold_out(rows, Validation(), "classification")
    pairs = [(development, held)]
    known = rows.take(development)
    assert known.groups is not None
    for fold in folds_of(known, Validation(), "classification"):
        pairs.append((development[fold.train], development[fold.test]))
        pairs += [
            (development[fold.train[inner.train]], development[fold.train[inner.test]])
            for inner in inner_folds_of(known.take(fold.train), Validation(), "classification")
        ]

    assert len(pairs) == 1 + 5 + 15
    for one, other in pairs:
        assert not set(groups[one]) & set(groups[other])


def test_a_group_in_the_newest_rows_does_not_teach_with_its_older_ones() -> None:
    rows = replace(_grouped(200, 60), times=np.arange(200, dtype=np.float64))
    groups = rows.groups
    assert groups is not None
    development, held = split_hold_out(rows, Validation(splits="time"), "classification")

    assert list(held) == list(range(160, 200))
    assert not set(groups[development]) & set(groups[held])
    assert len(development) > 0


def test_the_hold_out_has_its_share_of_each_class() -> None:
    rows = toy_rows(200, positive=0.1)
    development, held = split_hold_out(rows, Validation(hold_out=0.25), "classification")

    assert (len(held), rows.target[held].sum()) == (50, 5)
    assert sorted([*development, *held]) == list(range(200))


@pytest.mark.parametrize(
    ("rows", "validation", "task", "words"),
    [
        (
            toy_rows(40, positive=0.1),
            {"folds": 5},
            "classification",
            "4 positive and 36 other rows: each",
        ),
        (_grouped(40, 1), {}, "classification", "1 groups are too few for 5"),
        (toy_rows(40), {"splits": "group"}, "classification", "needs `data: group`"),
        (toy_rows(40), {"splits": "time"}, "classification", "needs `data: time`"),
        (_grouped(40, 9), {"splits": "stratified"}, "classification", "would put a group on both sides"),
        (toy_rows(40, "regression"), {"splits": "stratified"}, "regression", "no classes to stratify by"),
        (toy_rows(7, "regression"), {"folds": 5}, "regression", "7 rows are too few for 5 folds"),
        (_timed(40, 1), {"splits": "time"}, "regression", "has no rows to train on"),
    ],
)
def test_what_cannot_be_split_says_why(rows: TrainingRows, validation: Any, task: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        folds_of(rows, Validation(**validation), task)


def test_rows_without_a_time_are_refused() -> None:
    rows = _timed(40, 40)
    assert rows.times is not None
    rows.times[3] = np.nan

    with pytest.raises(ConfigurationError, match="1 rows have no time"):
        split_hold_out(rows, Validation(splits="time"), "regression")


def test_one_class_is_refused_in_time_folds() -> None:
    rows = replace(toy_rows(100), times=np.arange(100, dtype=np.float64))
    rows.target[:] = (np.arange(100) >= 90).astype(np.int8)

    with pytest.raises(ConfigurationError, match="rows of one class only to train on"):
        folds_of(rows, Validation(splits="time"), "classification")
