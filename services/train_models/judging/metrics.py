"""What a model is judged by, by name: one value for a target and the scores of the same rows.

Scores are probabilities of the positive class, or predicted values. What can't be had from the rows, such as a ROC-AUC
where all are of one class, is NaN and not an error: a fold or a slice may be like that.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    roc_auc_score,
)

from headrace.errors import ConfigurationError
from headrace.models.manifest import Task
from headrace.models.scorer import decide

Array = np.ndarray[Any, Any]

DEFAULT_THRESHOLD = 0.5
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
BY_DECISION = (*COUNTS, "accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc")
"""Those that depend on the threshold."""
BY_PROBABILITY = ("roc_auc", "average_precision", "log_loss", "brier")
CLASSIFICATION = (*BY_PROBABILITY, *BY_DECISION)
REGRESSION = ("rmse", "mae", "r2", "mse", "median_error")

GREATER_IS_BETTER: Mapping[str, bool] = {
    **dict.fromkeys(("roc_auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall"), True),
    **dict.fromkeys(("f1", "mcc", "r2", "true_positives", "true_negatives"), True),
    **dict.fromkeys(("log_loss", "brier", "rmse", "mse", "mae", "median_error"), False),
    **dict.fromkeys(("false_positives", "false_negatives"), False),
}


def metric_value(name: str, target: Array, scores: Array, threshold: float | None = None) -> float:
    """One metric.

    Args:
        name: one of `GREATER_IS_BETTER`.
        target: 1 for the positive class and 0 for the other, or the true values.
        scores: as many probabilities of the positive class, or predicted values.
        threshold: least probability at which the decision is positive; 0.5 where it is None.

    Raises:
        ConfigurationError: there is no metric of this name.
    """
    if name in _OF_DECISIONS:
        return float(_OF_DECISIONS[name](*confusion(target, scores, threshold)))
    if name not in _OF_SCORES:
        raise ConfigurationError(f"{name!r} is no metric; known are: {', '.join(sorted(GREATER_IS_BETTER))}")
    if len(target) == 0 or (name in _NEEDS_BOTH and len(np.unique(target)) < 2):
        return float("nan")
    return float(_OF_SCORES[name](target, scores))


def all_metrics(task: Task, target: Array, scores: Array, threshold: float | None = None) -> dict[str, float]:
    """All metrics of a task, the most telling first."""
    return {name: metric_value(name, target, scores, threshold) for name in names_of(task)}


def names_of(task: Task) -> tuple[str, ...]:
    """The metrics of a task, the most telling first."""
    return CLASSIFICATION if task == "classification" else REGRESSION


def decisions_of(scores: Array, threshold: float | None) -> Array:
    """Whether each probability reaches the threshold, by the rule of serving; a bool each."""
    return decide(np.asarray(scores), DEFAULT_THRESHOLD if threshold is None else threshold)


def confusion(target: Array, scores: Array, threshold: float | None) -> tuple[float, float, float, float]:
    """True positives, false positives, true negatives and false negatives."""
    decided, positive = decisions_of(scores, threshold), np.asarray(target) == 1
    found = (decided & positive, decided & ~positive, ~decided & ~positive, ~decided & positive)
    tp, fp, tn, fn = (float(np.count_nonzero(each)) for each in found)
    return tp, fp, tn, fn


def is_constant(scores: Array) -> bool:
    """Whether they say the same of every row, as a baseline does that knows nothing of a row."""
    return len(scores) > 0 and bool(np.ptp(scores) == 0)


def is_by_decision(name: str) -> bool:
    """Whether a metric depends on the threshold."""
    return name in _OF_DECISIONS


def _share(part: Any, whole: Any) -> Any:
    """Elementwise; NaN where there is no whole."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)[()]


def _zero_where_none(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)[()]


def _mcc(tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
    whole = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return _zero_where_none(tp * tn - fp * fn, whole)


def confusion_of_counts(name: str, tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
    """A metric of decisions from their four counts, elementwise.

    Precision is 0 where nothing is decided positive, and Matthews' coefficient 0 where a row or column of the confusion
    matrix is empty, as in scikit-learn; a share of an empty class is NaN.
    """
    return _OF_DECISIONS[name](tp, fp, tn, fn)


_OF_DECISIONS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "true_positives": lambda tp, fp, tn, fn: tp,
    "false_positives": lambda tp, fp, tn, fn: fp,
    "true_negatives": lambda tp, fp, tn, fn: tn,
    "false_negatives": lambda tp, fp, tn, fn: fn,
    "accuracy": lambda tp, fp, tn, fn: _share(tp + tn, tp + fp + tn + fn),
    "balanced_accuracy": lambda tp, fp, tn, fn: (_share(tp, tp + fn) + _share(tn, tn + fp)) / 2,
    "precision": lambda tp, fp, tn, fn: _zero_where_none(tp, tp + fp),
    "recall": lambda tp, fp, tn, fn: _share(tp, tp + fn),
    "f1": lambda tp, fp, tn, fn: _zero_where_none(2 * tp, 2 * tp + fp + fn),
    "mcc": _mcc,
}

_OF_SCORES: dict[str, Callable[[Array, Array], Any]] = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": lambda target, scores: log_loss(target, np.asarray(scores, dtype=np.float64), labels=[0, 1]),
    "brier": brier_score_loss,
    "rmse": lambda target, scores: np.sqrt(mean_squared_error(target, scores)),
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "median_error": median_absolute_error,
    "r2": r2_score,
}

_NEEDS_BOTH = {"roc_auc", "average_precision", "r2"}
"""For these a target with one value says nothing."""
