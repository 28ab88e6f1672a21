"""What fits learn from: the training rows alone, resampled without a trace in what is handed on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.choice.toy import Seen, model_file, on, recording_build, toy_plan, toy_rows
from train_models.choice.choice_spec import Imbalance
from train_models.choice.cross_validation import cross_validate
from train_models.choice.fitting import fit, predict
from train_models.choice.imbalance import resample
from train_models.choice.plan import plan_of
from train_models.choice.progress import NoProgress
from train_models.choice.run_store import RunStore
from train_models.choice.splits import folds_of
from train_models.training_result import TrainingRows


def test_no_step_is_fitted_on_a_row_of_its_own_outer_or_inner_test(tmp_path: Path) -> None:
    seen: Seen = []
    rows = toy_rows(120)
    file = model_file(
        candidates=[{"algorithm": "knn", "search": {"n_neighbors": [5, 9]}}],
        search={"trials": 2, "pruning": False},
        imbalance={"resampling": "smote"},
    )
    plan = plan_of(file, recording_build(seen))
    folds = folds_of(rows, plan.validation, plan.task)
    with on("sequential", 1):
        cross_validate(plan, rows, folds, RunStore(tmp_path, {}), NoProgress())

    tests = [frozenset(rows.frame["b"].iloc[fold.test]) for fold in folds]
    learned: list[frozenset[float]] = []
    tested = []
    for what, of in seen:
        if what == "fit":
            learned.append(of)
        elif of in tests:
            # One by one, so that all fits since the last such use are of this candidate and fold.
            tested.append((of, len(learned)))
            assert all(not of & each for each in learned)
            learned = []
        elif of != learned[-1]:
            assert not of & learned[-1], "an inner test"
    # Both baselines; then, of the candidate, two trials of two inner folds and the fit on the whole fold.
    assert tested == [(of, 1) for of in tests * 2] + [(of, 5) for of in tests]


@pytest.mark.parametrize("resampling", ["smote", "random_over", "random_under"])
def test_training_rows_are_balanced_and_test_rows_are_not_touched(resampling: Any) -> None:
    rows = toy_rows(400, positive=0.1)
    plain, balanced = (
        fit(toy_plan(imbalance={"resampling": how}), "logistic", {}, rows, {}).pipeline for how in ("none", resampling)
    )
    other = toy_rows(300, seed=1, positive=0.1)

    assert predict(plain, other.frame).mean() == pytest.approx(0.1, abs=0.04)
    assert predict(balanced, other.frame).mean() > 0.2
    assert predict(balanced, other.frame).shape == (300,)
    assert [name for name, _ in balanced.steps] == [name for name, _ in plain.steps]
    assert not any(hasattr(step, "fit_resample") for _, step in balanced.steps)


def test_resampling_gives_as_many_of_each_class_of_the_training_rows() -> None:
    matrix, target = np.arange(40.0).reshape(20, 2), np.repeat([0, 1], [17, 3])
    for how, count in (("smote", 17), ("random_over", 17), ("random_under", 3)):
        _, classes = resample(matrix, target, Imbalance.model_validate({"resampling": how}), 1)
        assert list(np.bincount(classes)) == [count, count]
    with pytest.raises(ConfigurationError, match="two rows of each class"):
        resample(matrix, np.repeat([0, 1], [19, 1]), Imbalance(resampling="smote"), 1)


def test_class_weights_raise_the_rare_class() -> None:
    rows = toy_rows(400, positive=0.1)
    for algorithm in ("logistic", "random_forest", "hist_boosting", "lightgbm"):
        plain, weighted = (
            fit(
                toy_plan(candidates=[{"algorithm": algorithm}], imbalance={"weights": weights}), algorithm, {}, rows, {}
            ).pipeline
            for weights in ("none", "balanced")
        )
        assert not np.array_equal(predict(plain, rows.frame), predict(weighted, rows.frame)), algorithm


def test_baselines_are_not_weighted_or_resampled() -> None:
    rows: TrainingRows = toy_rows(400, positive=0.1)
    for imbalance in ({"weights": "balanced"}, {"resampling": "random_over"}):
        pipeline = fit(toy_plan(imbalance=imbalance), "baseline_logistic", {}, rows, {}).pipeline
        assert predict(pipeline, rows.frame).mean() == pytest.approx(0.1, abs=0.01)
