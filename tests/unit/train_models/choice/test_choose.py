"""The whole choice: what it gives, that it repeats itself to the bit, and that nothing leaks."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.choice.toy import Seen, model_file, on, recording_build, toy_build, toy_plan, toy_rows
from train_models.choice.calibration import FoldPredictions, cross_fitted
from train_models.choice.choice_spec import Threshold
from train_models.choice.choose import best_of, choose
from train_models.choice.cross_validation import cross_validate
from train_models.choice.progress import NoProgress
from train_models.choice.run_store import RunStore
from train_models.choice.splits import folds_of
from train_models.choice.thresholds import choose_threshold
from train_models.judging.metrics import metric_value
from train_models.training_result import CandidateResult, FoldScores, TrainingResult, TrainingRows

_BOOSTED = {
    "algorithm": "lightgbm",
    "params": {"n_estimators": 20},
    "search": {"num_leaves": {"low": 3, "high": 15, "integer": True}, "colsample_bytree": {"low": 0.4, "high": 1}},
}
_PARTS: dict[str, Any] = {
    "candidates": [_BOOSTED, {"algorithm": "logistic"}, {"name": "both", "average": ["lightgbm", "logistic"]}],
    "search": {"trials": 3},
    "calibration": "sigmoid",
}


class _Told:
    def __init__(self) -> None:
        self.parts: list[tuple[int, str]] = []
        self.steps = 0
        self.bests: list[float | None] = []

    def start(self, total: int, what: str) -> None:
        self.parts.append((total, what))

    def advance(self, what: str, best: float | None) -> None:
        self.steps += 1
        self.bests.append(best)


def digest_of(result: TrainingResult) -> str:
    """One hash over all scores, parameters and the threshold; not over how long it took."""
    digest = hashlib.sha256()
    for each in result.candidates:
        digest.update(repr((each.name, sorted(each.params.items()))).encode())
        for fold in each.folds:
            digest.update(fold.rows.tobytes() + fold.scores.tobytes())
    for name, scores in sorted(result.hold_out_scores.items()):
        digest.update(name.encode() + scores.tobytes())
    digest.update(repr((result.chosen, result.threshold, result.calibration, result.learning_curve)).encode())
    digest.update(result.fitted.predict_proba(result.rows.frame).tobytes())
    return digest.hexdigest()


def test_all_parts_of_the_result(tmp_path: Path) -> None:
    told = _Told()
    rows = toy_rows(240)
    result = choose(rows, model_file(**_PARTS), toy_build(), tmp_path, told)

    assert [each.name for each in result.candidates] == [
        "lightgbm",
        "logistic",
        "both",
        "baseline_prior",
        "baseline_logistic",
    ]
    assert [each.is_baseline for each in result.candidates] == [False, False, False, True, True]
    assert result.chosen in ("logistic", "both", "lightgbm")
    assert sorted([*result.development, *result.hold_out]) == list(range(240))
    assert set(result.hold_out_scores) == {result.chosen, "baseline_prior", "baseline_logistic"}
    assert np.array_equal(
        result.hold_out_scores[result.chosen],
        result.fitted.predict_proba(rows.frame.iloc[result.hold_out])[:, 1],
    )
    assert metric_value("roc_auc", rows.target[result.hold_out], result.hold_out_scores[result.chosen]) > 0.8
    folds = [[tuple(fold.rows) for fold in each.folds] for each in result.candidates]
    assert all(each == folds[0] for each in folds)
    assert result.calibration == "sigmoid"
    assert result.threshold is not None
    assert 0 < result.threshold < 1
    sizes = [size for size, _, _ in result.learning_curve]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 128
    assert told.steps == sum(total for total, _ in told.parts)
    assert told.parts[0] == (15, "cross-validation")
    assert [best for best in told.bests if best is not None] != []


def test_a_regression_has_no_threshold(tmp_path: Path) -> None:
    file = model_file("regression", candidates=[{"algorithm": "ridge"}, {"algorithm": "knn"}])
    result = choose(toy_rows(150, "regression"), file, toy_build(), tmp_path, NoProgress())

    assert (result.chosen, result.metric, result.threshold, result.calibration) == ("ridge", "rmse", None, None)
    assert set(result.hold_out_scores) == {"ridge", "baseline_mean", "baseline_linear"}


def test_nothing_is_fitted_on_the_hold_out_and_the_last_fit_is_on_all_other_rows(tmp_path: Path) -> None:
    seen: Seen = []
    looked_after: list[int] = []
    rows = toy_rows(150)
    parts = {**_PARTS, "search": {"trials": 1}}
    with on("sequential", 1):
        result = choose(
            rows,
            model_file(**parts),
            recording_build(seen),
            tmp_path,
            NoProgress(),
            lambda _: looked_after.append(len(seen)),
        )
    held = frozenset(rows.frame["b"].iloc[result.hold_out])
    known = frozenset(rows.frame["b"].iloc[result.development])
    fits = [of for what, of in seen if what == "fit"]

    assert len(fits) > 20
    assert not any(of & held for of in fits)
    assert result.fitted.steps[0][1].fitted_on_ == known
    # The chosen candidate and both baselines; a search of all development rows has parts of them alone.
    assert fits.count(known) == 3
    assert not any(of & held for _, of in seen[: looked_after[0]])
    assert [of for what, of in seen if what == "transform" and of & held] == [held] * 3


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
def test_the_threshold_is_of_calibrated_scores_that_no_row_s_own_curve_gave(tmp_path: Path, calibration: Any) -> None:
    rows = toy_rows(300)
    overconfident = {"algorithm": "lightgbm", "params": {"n_estimators": 80, "min_child_samples": 3}}
    file = model_file(candidates=[overconfident], calibration=calibration)
    result = choose(rows, file, toy_build(), tmp_path, NoProgress())
    known = rows.target[result.development]
    (chosen,) = (each for each in result.candidates if each.name == result.chosen)
    folds = [FoldPredictions(each.repeat, each.fold, known[each.rows], each.scores) for each in chosen.folds]
    target = np.concatenate([fold.target for fold in folds])
    calibrated = np.concatenate([scores for scores in cross_fitted(calibration, folds, False) if scores is not None])
    plain = np.concatenate([fold.scores for fold in folds])

    assert result.threshold == choose_threshold(Threshold(), target, calibrated)
    assert abs(result.threshold - choose_threshold(Threshold(), target, plain)) > 0.02


def test_every_run_gives_the_same_bits_one_by_one_or_in_threads(tmp_path: Path) -> None:
    digests = []
    for backend, jobs in (("sequential", 1), ("threading", 2)):
        with on(backend, jobs):
            result = choose(toy_rows(160), model_file(**_PARTS), toy_build(), tmp_path / backend, NoProgress())
        digests.append(digest_of(result))

    assert len(set(digests)) == 1


def test_other_processes_give_the_same_bits(tmp_path: Path) -> None:
    rows = toy_rows(120)
    plan = toy_plan(candidates=[_BOOSTED], search={"trials": 2})
    folds = folds_of(rows, plan.validation, plan.task)
    found = []
    for backend, jobs in (("sequential", 1), ("loky", 2)):
        store = RunStore(tmp_path / backend, {})
        with on(backend, jobs):
            results = cross_validate(plan, rows, folds, store, NoProgress())
        found.append([fold.scores.tobytes() for each in results for fold in each.folds])

    assert found[0] == found[1]


def test_a_shuffled_target_is_not_learned(tmp_path: Path) -> None:
    rows = toy_rows(600)
    shuffled = replace(rows, target=np.random.default_rng(5).permutation(rows.target))
    result = choose(shuffled, model_file(**_PARTS), toy_build(), tmp_path, NoProgress())
    known = shuffled.target[result.development]

    for each in result.candidates:
        target = np.concatenate([known[fold.rows] for fold in each.folds])
        scores = np.concatenate([fold.scores for fold in each.folds])
        assert abs(metric_value("roc_auc", target, scores) - 0.5) < 2.6 * _deviation(target), each.name
    held = shuffled.target[result.hold_out]
    assert abs(metric_value("roc_auc", held, result.hold_out_scores[result.chosen]) - 0.5) < 2.6 * _deviation(held)


def _deviation(target: Any) -> float:
    """Of the ROC-AUC of scores that say nothing: that of Mann and Whitney's U."""
    positives, others = int((target == 1).sum()), int((target == 0).sum())
    return float(np.sqrt((positives + others + 1) / (12 * positives * others)))


def test_what_is_wrong_with_a_file_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="rmse is no metric of a classification"):
        choose(toy_rows(60), model_file(search={"metric": "rmse"}), toy_build(), tmp_path / "a", NoProgress())
    with pytest.raises(ConfigurationError, match="takes no class weights"):
        file = model_file(candidates=[{"algorithm": "knn"}], imbalance={"weights": "balanced"})
        choose(toy_rows(60), file, toy_build(), tmp_path / "a", NoProgress())
    assert not (tmp_path / "a").exists()


def _compared(prefer_simple: bool, values: dict[str, list[float]]) -> str:
    """The candidate chosen where each fold has such an error; the last is a baseline."""
    plan = toy_plan("regression", search={"prefer_simple": prefer_simple})
    rows: TrainingRows = toy_rows(6, "regression")
    results = []
    for name, errors in values.items():
        parts = [np.array([2 * at, 2 * at + 1]) for at in range(3)]
        folds = [FoldScores(0, at, part, rows.target[part] + errors[at]) for at, part in enumerate(parts)]
        results.append(CandidateResult(name, "linear", {}, name.startswith("baseline"), tuple(folds), 0.0))
    return best_of(plan, rows, results).name


def test_the_best_mean_is_chosen_and_no_baseline() -> None:
    values = {"simple": [5.0, 5.0, 5.0], "best": [4.0, 6.0, 4.6], "worse": [9.0, 9.0, 9.0], "baseline_mean": [1.0] * 3}

    assert _compared(False, values) == "best"
    assert _compared(True, values) == "simple"
    assert _compared(True, {**values, "simple": [6.0, 6.0, 6.0]}) == "best"
