"""Calibration: chosen where it helps, judged on rows that the curve has not seen, and the same in ONNX."""

import numpy as np
import onnxruntime
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.pipeline import Pipeline

from tests.unit.train_models.choice.toy import INPUTS, toy_plan, toy_rows
from train_models.choice.calibration import (
    NO_CURVE,
    FoldPredictions,
    Method,
    choose_method,
    cross_fitted,
    fit_curve,
    with_curve,
)
from train_models.choice.fitting import fit, predict
from train_models.registry.export_onnx import export_onnx


def _folds(count: int, distort: float, seed: int = 0, step: bool = False) -> list[FoldPredictions]:
    """Five folds of honest probabilities, whose log-odds are then multiplied."""
    random = np.random.default_rng(seed)
    honest = random.uniform(0.02, 0.98, count)
    target = (random.random(count) < (np.where(honest < 0.6, 0.1, 0.7) if step else honest)).astype(np.int8)
    scores = 1 / (1 + np.exp(-distort * np.log(honest / (1 - honest))))
    parts = np.array_split(np.arange(count), 5)
    return [FoldPredictions(0, number, target[part], scores[part]) for number, part in enumerate(parts)]


def test_honest_probabilities_stay_as_they_are() -> None:
    assert [choose_method("auto", _folds(1_500, 1.0, seed), by_time=False) for seed in range(8)] == ["none"] * 8


def test_exaggerated_probabilities_are_mended() -> None:
    folds = _folds(2_000, 3.0)

    assert choose_method("auto", folds, by_time=False) == "sigmoid"
    curve = fit_curve("sigmoid", folds)
    assert curve.points_x[0] == pytest.approx(1 / 3, abs=0.04)
    other = _folds(2_000, 3.0, seed=1)
    before = np.mean([brier_score_loss(fold.target, fold.scores) for fold in other])
    assert np.mean([brier_score_loss(fold.target, curve.of(fold.scores)) for fold in other]) < before - 0.01


def test_a_step_is_mended_by_an_isotonic_curve() -> None:
    folds = _folds(4_000, 1.0, step=True)

    assert choose_method("auto", folds, by_time=False) == "isotonic"
    curve = fit_curve("isotonic", folds)
    assert curve.of(np.array([0.3, 0.9])) == pytest.approx([0.1, 0.7], abs=0.05)
    assert 0 < curve.of(np.array([0.0]))[0] < curve.of(np.array([1.0]))[0] < 1


def test_no_fold_is_judged_by_a_curve_that_it_taught() -> None:
    folds = _folds(500, 2.0)
    changed = [
        FoldPredictions(0, 0, 1 - folds[0].target, folds[0].scores),
        *folds[1:],
    ]
    before, after = (cross_fitted("isotonic", each, by_time=False) for each in (folds, changed))

    assert np.array_equal(np.asarray(before[0]), np.asarray(after[0]))
    assert not np.array_equal(np.asarray(before[1]), np.asarray(after[1]))


def test_by_time_only_older_folds_teach() -> None:
    folds = _folds(500, 2.0)
    changed = [*folds[:-1], FoldPredictions(0, 4, 1 - folds[4].target, folds[4].scores)]
    before, after = (cross_fitted("sigmoid", each, by_time=True) for each in (folds, changed))

    assert before[0] is None
    for one, other in zip(before[1:], after[1:], strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_what_the_file_wants_is_done() -> None:
    assert choose_method("isotonic", _folds(200, 1.0), by_time=False) == "isotonic"
    assert choose_method("none", _folds(2_000, 3.0), by_time=False) == "none"
    pipeline = Pipeline([("algorithm", LogisticRegression())])
    assert with_curve(pipeline, NO_CURVE) is pipeline


def test_an_isotonic_curve_has_no_steep_steps() -> None:
    curve = fit_curve("isotonic", _folds(4_000, 1.0, step=True))

    assert np.diff(curve.points_x).min() >= 0.02


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("title", ["logistic", "hist_boosting", "lightgbm", "svm", "both"])
def test_the_onnx_form_says_the_same(method: Method, title: str) -> None:
    candidates = [
        {"algorithm": "logistic"},
        {"algorithm": "hist_boosting", "params": {"max_iter": 10}},
        {"algorithm": "lightgbm", "params": {"n_estimators": 10}},
        {"algorithm": "svm"},
        {"name": "both", "average": ["logistic", "hist_boosting"]},
    ]
    rows = toy_rows(200)
    plan = toy_plan(candidates=candidates)
    pipeline = fit(plan, title, {}, rows, {"logistic": {}, "hist_boosting": {"max_iter": 10}}).pipeline
    calibrated = with_curve(pipeline, fit_curve(method, _folds(1_000, 2.0)))
    session = onnxruntime.InferenceSession(export_onnx(calibrated, INPUTS), providers=["CPUExecutionProvider"])
    given = {f"c{at}": rows.frame[field.name].to_numpy()[:, None] for at, field in enumerate(INPUTS)}
    (scores,) = session.run(None, given)

    expected = calibrated.predict_proba(rows.frame)[:, 1]
    assert not np.allclose(expected, predict(pipeline, rows.frame), atol=1e-3)
    assert np.abs(scores[:, 0] - expected).max() < 1e-9
    assert np.array_equal(calibrated.predict(rows.frame), (expected >= 0.5).astype(int))
