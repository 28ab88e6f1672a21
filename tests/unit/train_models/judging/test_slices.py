"""Groups of a hold-out, and how a model does for them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from headrace.models.inputs import Input
from train_models.judging.slices import groups_of, judge_slices, too_few


def _groups(kind: str, values: Sequence[object]) -> dict[str, list[int]]:
    frame = pd.DataFrame({"x": values})
    found = groups_of((Input("x", kind),), ("x",), frame, frame)  # type: ignore[arg-type]
    return {group: np.flatnonzero(mask).tolist() for _, group, mask in found}


def test_that_levels_and_missing_ones_are_groups() -> None:
    assert _groups("category", ["a", "b", "", "a"]) == {"a": [0, 3], "b": [1], "without a value": [2]}
    assert _groups("boolean", [1.0, 0.0, np.nan]) == {"no": [1], "yes": [0], "without a value": [2]}


def test_that_only_frequent_levels_are_groups_of_their_own() -> None:
    found = _groups("category", [f"level{at}" for at in range(30)] * 2 + ["common"] * 5)
    assert len(found) == 21
    assert found["common"] == list(range(60, 65))
    assert len(found["all others"]) == 2 * 11


def test_that_numbers_are_in_quarters_of_all_rows() -> None:
    found = _groups("number", [*np.arange(100.0), np.nan])
    assert [len(rows) for rows in found.values()] == [25, 25, 25, 25, 1]
    assert next(iter(found)) == "0 to 24.75"
    every = pd.DataFrame({"x": np.arange(100.0)})
    held = groups_of((Input("x", "number"),), ("x",), every, every.iloc[:10])
    assert [int(mask.sum()) for _, _, mask in held] == [10, 0, 0, 0]


def test_that_the_worst_group_is_first_and_a_small_one_is_not_judged() -> None:
    random = np.random.default_rng(1)
    target = random.normal(size=1_000)
    group = np.repeat(["good", "poor", "tiny"], [600, 380, 20])
    scores = target + random.normal(size=1_000) * np.where(group == "poor", 3.0, 0.5)
    groups = [("g", name, group == name) for name in ("tiny", "good", "poor", "none")]
    poor, good, tiny = judge_slices("regression", "rmse", groups, target, scores)
    assert (poor.group, good.group, tiny.group) == ("poor", "good", "tiny")
    assert (poor.is_clearly_worse, good.is_clearly_worse, tiny.is_clearly_worse) == (True, False, False)
    assert tiny.is_too_small
    assert not tiny.metrics
    assert poor.metrics["rmse"].low < poor.metrics["rmse"].value < poor.metrics["rmse"].high
    assert poor.mean_target == pytest.approx(target[group == "poor"].mean())


def test_that_a_group_of_nearly_one_class_is_not_judged() -> None:
    target = np.tile([0, 1], 200).astype(np.int8)
    scores, mask = np.linspace(0, 1, 400), np.zeros(400, dtype=bool)
    mask[:100] = True
    target[:95] = 0
    first = judge_slices("classification", "roc_auc", [("g", "first", mask)], target, scores)[0]
    assert first.rows == 100
    assert first.is_too_small


def test_that_groups_by_chance_are_rarely_clearly_worse() -> None:
    random, worse = np.random.default_rng(2), 0
    for seed in range(40):
        target = random.normal(size=800)
        scores = target + random.normal(size=800)
        group = random.integers(0, 8, 800)
        groups = [("g", str(at), group == at) for at in range(8)]
        found = judge_slices("regression", "mae", groups, target, scores, seed=seed)
        worse += any(each.is_clearly_worse for each in found)
    assert worse <= 6


@pytest.mark.parametrize(
    ("rows", "positives", "clusters", "said"),
    [
        (49, 20, None, "49 rows to compare on, and 50 are needed"),
        (50, 9, None, "9 rows of the rarer class to compare on, and 10 are needed"),
        (50, 10, None, ""),
        (90, 45, 4, "groups with rows of each class: 1, and 5 are needed"),
        (90, 45, 30, ""),
        (90, 12, 30, "groups with rows of each class: 4, and 5 are needed"),
    ],
)
def test_that_too_few_rows_or_groups_are_said(rows: int, positives: int, clusters: int | None, said: str) -> None:
    target = (np.arange(rows) < positives).astype(np.int8)
    of_rows = None if clusters is None else np.minimum(np.arange(rows) // 3, clusters - 1)
    assert too_few("classification", target, of_rows) == said
