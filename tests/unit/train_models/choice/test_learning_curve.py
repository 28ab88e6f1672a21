"""The learning curve: growing shares of each fold's training rows, on the same test rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.train_models.choice.toy import toy_plan, toy_rows
from train_models.choice.learning_curve import SHARES, learning_curve
from train_models.choice.progress import NoProgress
from train_models.choice.run_store import RunStore
from train_models.choice.splits import folds_of
from train_models.training_result import TrainingRows


def _curve(rows: TrainingRows, folder: Path, **validation: Any) -> tuple[tuple[int, float, float], ...]:
    plan = toy_plan(validation={"folds": 3, **validation})
    folds = folds_of(rows, plan.validation, plan.task)
    return learning_curve(plan, "logistic", {}, {}, rows, folds, RunStore(folder, {}), NoProgress())


def test_more_rows_are_better_and_the_last_point_has_all(tmp_path: Path) -> None:
    points = _curve(toy_rows(900), tmp_path)

    assert [size for size, _, _ in points] == [60, 150, 300, 450, 600]
    assert points[-1][1] > points[0][1]
    assert all(deviation > 0 for _, _, deviation in points)


def test_shares_with_too_few_rows_are_left_out(tmp_path: Path) -> None:
    assert [size for size, _, _ in _curve(toy_rows(180), tmp_path / "few")] == [60, 90, 120]
    assert len(_curve(toy_rows(900, positive=0.05), tmp_path / "rare")) < len(SHARES)


def test_by_time_the_newest_rows_teach(tmp_path: Path) -> None:
    rows = replace(toy_rows(600), times=np.arange(600, dtype=np.float64))
    # What the oldest rows say is wrong: a share that held them would be worse than chance in the first fold.
    rows.target[:100] = 1 - rows.target[:100]
    points = _curve(rows, tmp_path, splits="time")
    halves, whole = points[-3], points[-1]

    assert halves[1] > whole[1]


def test_what_is_finished_is_not_fitted_again(tmp_path: Path) -> None:
    first = _curve(toy_rows(180), tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("learning_curve.*.npz")}

    assert len(kept) == 9
    assert _curve(toy_rows(180), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
