"""What a training leaves in its run's folder for later comparisons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input
from train_models.registry.hold_out import ABOUT_FILE, HoldOut, hold_out_of, read_hold_out, row_ids, write_hold_out
from train_models.training_result import TrainingResult, TrainingRows

_INPUTS = (Input("age", "number", nullable=True), Input("plan", "category", levels=("", "gold")))


def _result(times: bool = False, groups: bool = False) -> TrainingResult:
    frame = pd.DataFrame({"age": [1.0, np.nan, 3.0, 4.0], "plan": np.array(["gold", "", "gold", ""], dtype=object)})
    target = np.array([1, 0, 1, 0], dtype=np.int8)
    ids = np.array(["a", "b", "c", "d"], dtype=object)
    rows = TrainingRows(_INPUTS, frame, target, ids, np.array([10.0, 20.0, 30.0, 40.0]) if times else None)
    if groups:
        rows = replace(rows, groups=np.array(["x", "x", "y", "y"], dtype=object))
    scores = {"boosted": np.array([0.25, 0.75]), "majority": np.array([0.5, 0.5])}
    return TrainingResult(rows, np.array([0, 1]), np.array([2, 3]), "roc_auc", (), "boosted", None, 0.4, None, scores)


def _same(one: HoldOut, other: HoldOut) -> None:
    pd.testing.assert_frame_equal(one.rows.frame, other.rows.frame)
    for own, read in ((one.rows.target, other.rows.target), (one.fitted_contents, other.fitted_contents)):
        assert own.dtype == read.dtype and own.tolist() == read.tolist()
    assert row_ids(one.rows) == row_ids(other.rows) and one.rows.inputs == other.rows.inputs
    assert {name: scores.tolist() for name, scores in one.scores.items()} == {
        name: scores.tolist() for name, scores in other.scores.items()
    }
    assert (one.rows.groups is None) == (other.rows.groups is None)
    if one.rows.groups is not None and other.rows.groups is not None:
        assert one.rows.groups.tolist() == other.rows.groups.tolist()
    for name in ("metric", "chosen", "threshold", "has_ids", "fitted_ids"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("times", [False, True])
def test_it_is_read_as_it_was_written(times: bool, groups: bool, tmp_path: Path) -> None:
    found = hold_out_of(_result(times, groups), has_ids=True)
    write_hold_out(found, tmp_path / "run")
    _same(found, read_hold_out(tmp_path / "run"))
    assert found.fitted_ids == ({"a@10.0", "b@20.0"} if times else {"a", "b"})
    assert list(found.baselines) == ["majority"]


def test_row_numbers_are_not_kept_as_ids(tmp_path: Path) -> None:
    write_hold_out(hold_out_of(_result(), has_ids=False), tmp_path)
    assert read_hold_out(tmp_path).fitted_ids == frozenset()


def test_one_that_was_not_finished_is_none(tmp_path: Path) -> None:
    write_hold_out(hold_out_of(_result(), has_ids=True), tmp_path / "run")
    (tmp_path / "run" / ABOUT_FILE).unlink()
    with pytest.raises(ConfigurationError, match="the run run left no hold-out"):
        read_hold_out(tmp_path / "run")
