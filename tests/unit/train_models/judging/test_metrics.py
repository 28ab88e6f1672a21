"""Metrics, against scikit-learn's own and by hand."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from headrace.errors import ConfigurationError
from headrace.models.scorer import decide
from train_models.judging.metrics import GREATER_IS_BETTER, all_metrics, metric_value, names_of
from train_models.judging.weighted_metrics import WeightedMetrics

_TARGET = np.array([1, 1, 1, 0, 0, 0, 0, 1])
_SCORES = np.array([0.9, 0.8, 0.3, 0.4, 0.6, 0.1, 0.2, 0.5])


def test_that_the_confusion_counts_are_those_of_the_threshold() -> None:
    found = all_metrics("classification", _TARGET, _SCORES, threshold=0.5)
    counts = [found[name] for name in ("true_positives", "false_positives", "true_negatives", "false_negatives")]
    assert counts == [3, 1, 3, 1]
    assert metric_value("true_positives", _TARGET, _SCORES, threshold=0.85) == 1


@pytest.mark.parametrize(
    ("name", "of_sklearn"),
    [
        ("accuracy", sklearn_metrics.accuracy_score),
        ("balanced_accuracy", sklearn_metrics.balanced_accuracy_score),
        ("precision", sklearn_metrics.precision_score),
        ("recall", sklearn_metrics.recall_score),
        ("f1", sklearn_metrics.f1_score),
        ("mcc", sklearn_metrics.matthews_corrcoef),
    ],
)
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.61])
def test_that_metrics_of_decisions_are_those_of_scikit_learn(name: str, of_sklearn: object, threshold: float) -> None:
    assert callable(of_sklearn)
    expected = of_sklearn(_TARGET, (threshold <= _SCORES).astype(int))
    assert metric_value(name, _TARGET, _SCORES, threshold) == pytest.approx(expected)


def test_that_metrics_of_probabilities_are_right_by_hand() -> None:
    assert metric_value("roc_auc", _TARGET, _SCORES) == pytest.approx(13 / 16)
    assert metric_value("brier", _TARGET, _SCORES) == pytest.approx(np.mean((_TARGET - _SCORES) ** 2))
    likely = np.where(_TARGET == 1, _SCORES, 1 - _SCORES)
    assert metric_value("log_loss", _TARGET, _SCORES) == pytest.approx(-np.log(likely).mean())


def test_that_metrics_of_values_are_right_by_hand() -> None:
    found = all_metrics("regression", np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 2.0, 5.0, 5.0]))
    assert found == pytest.approx(
        {"mse": 1.25, "rmse": np.sqrt(1.25), "mae": 0.75, "median_error": 0.5, "r2": 1 - 5 / 14}, rel=1e-12
    )


@pytest.mark.parametrize("only", [0, 1])
def test_that_rows_of_one_class_are_no_error(only: int) -> None:
    found = all_metrics("classification", np.full(4, only), _SCORES[:4])
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["average_precision"])
    assert np.isfinite(found["log_loss"])


def test_that_no_rows_are_no_error() -> None:
    for task in ("classification", "regression"):
        found = all_metrics(task, np.zeros(0), np.zeros(0))
        assert all(np.isnan(value) or value == 0 for value in found.values())


def test_that_each_metric_has_a_sense_and_an_unknown_one_is_refused() -> None:
    assert set(GREATER_IS_BETTER) == {*names_of("classification"), *names_of("regression")}
    assert GREATER_IS_BETTER["roc_auc"]
    assert not GREATER_IS_BETTER["rmse"]
    with pytest.raises(ConfigurationError, match="auroc"):
        metric_value("auroc", _TARGET, _SCORES)


@pytest.mark.parametrize("below", [0.0, 5e-10, 2e-9])
def test_that_a_row_is_judged_by_the_decision_that_is_served(below: float) -> None:
    """The last bits of two runtimes never decide, neither here nor there."""
    target, scores = np.array([1, 0]), np.array([0.5 - below, 0.2])
    served = decide(scores, 0.5)
    assert metric_value("recall", target, scores, 0.5) == float(served[0]) == float(below < 1e-9)
    counts = np.ones((1, 2))
    assert WeightedMetrics(target, scores, 0.5).values(("recall",), counts)[0, 0] == float(served[0])
