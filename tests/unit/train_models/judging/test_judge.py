"""Judging of a whole training."""

import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from headrace.models.manifest import Task
from headrace.models.steps.calibrated import Calibrated
from tests.unit.train_models.judging.small_results import small_file, small_result
from train_models.data.leak_scan import Finding
from train_models.judging.importance import importances
from train_models.judging.judge import judge, out_of_fold_scores
from train_models.judging.judged import Judged
from train_models.judging.metrics import metric_value
from train_models.training_result import FoldScores


@pytest.fixture(scope="module")
def judged() -> Judged:
    return judge(small_result("classification"), small_file("classification"), draws=300)


def test_that_the_manifest_gets_means_deviations_and_intervals(judged: Judged) -> None:
    found, result = judged.metrics, small_result("classification")
    good = result.candidates[1]
    developed = result.rows.target[result.development]
    values = [metric_value("roc_auc", developed[fold.rows], fold.scores) for fold in good.folds]
    assert found["cv_roc_auc_mean"] == pytest.approx(np.mean(values))
    assert found["cv_roc_auc_std"] == pytest.approx(np.std(values, ddof=1))
    target, scores = result.rows.target[result.hold_out], result.hold_out_scores["good"]
    assert found["hold_out_recall"] == metric_value("recall", target, scores, 0.4)
    assert found["hold_out_roc_auc_low"] < found["hold_out_roc_auc"] < found["hold_out_roc_auc_high"]


def test_that_metrics_that_rows_do_not_tell_are_left_out() -> None:
    result = small_result("classification")
    target = result.rows.target.copy()
    target[result.hold_out] = 0
    of_one_class = replace(result, rows=replace(result.rows, target=target))
    found = judge(of_one_class, small_file("classification"), draws=20).metrics
    assert "hold_out_roc_auc" not in found
    assert "cv_roc_auc_mean" in found
    assert msgspec.json.decode(msgspec.json.encode(found), type=dict[str, float]) == found


def test_that_the_chosen_is_first_and_the_baseline_is_found_worse(judged: Judged) -> None:
    good, naive = judged.candidates
    assert (good.name, good.is_chosen, good.against_chosen) == ("good", True, None)
    assert (naive.name, naive.is_baseline) == ("naive", True)
    assert naive.against_chosen is not None
    assert naive.against_chosen.is_better()
    assert judged.against_baselines["naive"][0].is_better()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_that_the_same_result_is_judged_the_same(task: Task) -> None:
    first, second = (judge(small_result(task), small_file(task), draws=50) for _ in range(2))
    assert repr(first) == repr(second)


def test_that_what_is_found_is_told() -> None:
    finding = Finding("predicts_alone", "warn", "use", "alone it predicts the label with a ROC-AUC of 0.99")
    result = small_result("classification", findings=(finding,))
    caveats = "\n".join(judge(result, small_file("classification"), draws=200).caveats)
    assert "use: alone it predicts the label" in caveats
    assert re.search(r"clearly worse than of all rows where .*plan is b \(0\.", caveats)
    assert "plan is rare" in caveats
    assert "naive" not in caveats


def test_that_a_chosen_one_no_better_than_a_baseline_is_told() -> None:
    result = small_result("classification")
    scores = {name: result.hold_out_scores["good"] for name in ("good", "naive")}
    found = judge(replace(result, hold_out_scores=scores), small_file("classification"), draws=50)
    assert any("neither clearly better nor worse than naive, which may do" in caveat for caveat in found.caveats)
    constant = {**scores, "good": np.full(len(scores["naive"]), 0.4), "naive": np.full(len(scores["naive"]), 0.3)}
    found = judge(replace(result, hold_out_scores=constant), small_file("classification"), draws=50)
    assert any("not clearly better than naive, which says the same of every row" in each for each in found.caveats)
    worse = {"good": np.full(len(scores["naive"]), 0.4), "naive": scores["naive"]}
    found = judge(replace(result, hold_out_scores=worse), small_file("classification"), draws=50)
    assert any("clearly worse than naive, which is to be used in its place" in each for each in found.caveats)


def test_that_probabilities_that_are_off_are_told() -> None:
    result = small_result("classification")
    scores = {name: each**3 for name, each in result.hold_out_scores.items()}
    found = judge(replace(result, hold_out_scores=scores), small_file("classification"), draws=50)
    assert found.calibration_error > 0.05
    assert any("Probabilities are off" in caveat for caveat in found.caveats)


def test_that_decisions_over_folds_are_of_calibrated_probabilities(judged: Judged) -> None:
    result = small_result("classification")
    pipeline = result.fitted
    slope, intercept = np.array([1.0]), np.array([5.0])
    curve = Calibrated(pipeline.steps[-1][1], "sigmoid", slope, intercept)
    fitted = type(pipeline)([*pipeline.steps[:-1], ("last", curve)])
    calibrated = replace(result, fitted=fitted, calibration="sigmoid")
    assert (out_of_fold_scores(calibrated) > out_of_fold_scores(result)).all()
    found = judge(calibrated, small_file("classification"), draws=20)
    assert found.over_folds["recall"].mean > judged.over_folds["recall"].mean
    assert found.over_folds["roc_auc"] == judged.over_folds["roc_auc"]


def test_that_out_of_fold_scores_are_means_over_repeats_and_missing_where_no_fold_tested() -> None:
    result = small_result("regression")
    folds = (
        FoldScores(0, 0, np.array([0, 2]), np.array([1.0, 5.0])),
        FoldScores(1, 0, np.array([2, 3]), np.array([7.0, 9.0])),
    )
    good = replace(result.candidates[1], folds=folds)
    found = out_of_fold_scores(replace(result, candidates=(result.candidates[0], good)))
    assert np.isnan(found[1])
    assert [found[0], found[2], found[3]] == [1.0, 6.0, 9.0]


def test_that_reference_and_typical_values_are_of_the_development_rows(judged: Judged) -> None:
    result = small_result("classification")
    developed = result.rows.frame.iloc[result.development]
    assert judged.typical["use"] == pytest.approx(developed["use"].median())
    assert judged.typical["plan"] == "a"
    assert set(judged.reference) == {"use", "plan", "score"}
    assert all(sum(each.shares) == pytest.approx(1) for each in judged.reference.values())


def test_that_the_input_that_tells_is_the_important_one() -> None:
    result = small_result("regression")
    developed = result.rows.take(result.development)
    frame = developed.frame.assign(noise=np.arange(len(developed)) % 7.0)
    found = importances(_Only("use", result.fitted), frame, developed.target, "rmse", None, seed=1)
    assert found[0].input == "use"
    assert found[0].mean > 10 * abs(found[1].mean)
    assert found[-1].mean == 0


class _Only:
    """Predicts by a pipeline, whatever more columns there are."""

    def __init__(self, name: str, fitted: object) -> None:
        self._name, self._fitted = name, fitted

    def fit(self, rows: object, target: object) -> None:
        """Is fitted."""

    def predict(self, frame: object) -> object:
        return self._fitted.predict(frame[["use", "plan"]])  # type: ignore[attr-defined,index]


def test_that_rows_of_a_group_are_not_taken_as_independent(judged: Judged) -> None:
    """Each customer five times over says no more than once: intervals, slices and tests stay as wide as they were."""
    result, file = small_result("classification"), small_file("classification")
    held = np.concatenate([result.development, np.repeat(result.hold_out, 5)])
    rows = replace(result.rows.take(held), groups=result.rows.ids[held])
    many = replace(
        result,
        rows=rows,
        hold_out=np.arange(len(result.development), len(held)),
        development=np.arange(len(result.development)),
        hold_out_scores={name: np.repeat(scores, 5) for name, scores in result.hold_out_scores.items()},
    )
    found = judge(many, file, draws=300)
    assert (found.hold_out_rows, found.hold_out_clusters, judged.hold_out_clusters) == (1_200, 240, None)
    for name in ("roc_auc", "brier", "recall"):
        once, again = judged.hold_out[name], found.hold_out[name]
        assert again.value == pytest.approx(once.value)
        assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.25), name
    of_slices = [{each.group: each.metrics.get("roc_auc") for each in which.slices} for which in (judged, found)]
    alone, together = (each["a"] for each in of_slices)
    assert alone and together and together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.25)
    test, decisions = found.against_baselines["naive"]
    before, mcnemar = judged.against_baselines["naive"]
    assert test.high - test.low == pytest.approx(before.high - before.low, rel=0.25)
    assert (mcnemar.test, decisions.test) == ("McNemar", "paired bootstrap of decisions")
