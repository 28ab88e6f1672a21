"""How numbers and metrics of a report are written."""

import math
from datetime import UTC, datetime

from train_models.choice.choice_spec import Threshold
from train_models.judging.fold_summary import Summary
from train_models.judging.intervals import Interval
from train_models.judging.metrics import COUNTS
from train_models.judging.paired_tests import PairedTest

_LABELS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "PR-AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "r2": "R²",
    "median_error": "median error",
}
_SMALLEST, _GREATEST = 0.00095, 1e8
"""Numbers outside are written with an exponent."""
_COSTLY = {"false_positive": "a false positive", "false_negative": "a false negative"}


def label(metric: str) -> str:
    """A metric as the field writes it."""
    return _LABELS.get(metric, metric.replace("_", " "))


def number(value: float) -> str:
    """About three digits of it, whole from a thousand on; a dash for none."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if _SMALLEST <= abs(value) < _GREATEST:
        return f"{value:,.{_decimals(value)}f}"
    return f"{value:.3g}"


def _decimals(value: float) -> int:
    size = abs(value)
    if size >= 1000:
        return 0
    return 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 0.1 else 4


def metric_number(metric: str, value: float) -> str:
    """A metric's value: counts are whole."""
    return f"{value:,.0f}" if metric in COUNTS and math.isfinite(value) else number(value)


def mean_and_deviation(summary: Summary) -> str:
    """Such as `0.847 ± 0.013`."""
    if not summary.folds:
        return "–"
    if not _SMALLEST <= abs(summary.mean) < _GREATEST:
        return f"{number(summary.mean)} ± {number(summary.deviation)}"
    return f"{number(summary.mean)} ± {summary.deviation:,.{_decimals(summary.mean)}f}"


def interval_text(metric: str, interval: Interval) -> str:
    """Such as `0.833 to 0.868`."""
    if not math.isfinite(interval.low):
        return "–"
    return f"{metric_number(metric, interval.low)} to {metric_number(metric, interval.high)}"


def p_text(test: PairedTest) -> str:
    """A p-value."""
    if not math.isfinite(test.p_value):
        return "–"
    return "< 0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}"


def by_whom(candidate: str, algorithm: str) -> str:
    """A candidate with its algorithm, where its name is another."""
    return candidate if candidate == algorithm else f"{candidate} ({algorithm})"


def verdict(test: PairedTest) -> str:
    """What a test of the chosen less another says of the other."""
    if test.is_better():
        return "worse"
    return "better" if test.is_worse() else "no clear difference"


def legible(text: str) -> str:
    """A name of strangers', without what moves a terminal's cursor or turns a line around."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def moment(at_us: int) -> str:
    """Microseconds UTC as a date and a time."""
    return f"{datetime.fromtimestamp(at_us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def threshold_reason(spec: Threshold) -> str:
    """How the threshold was chosen, in words."""
    if spec.fixed is not None:
        return "It is fixed by the model file."
    if spec.cost:
        paid = ", ".join(f"{_COSTLY[name]} costs {cost:g}" for name, cost in spec.cost.items())
        how = f"the least cost, where {paid}"
    elif spec.recall_at_precision is not None:
        how = f"the greatest recall at a precision of {spec.recall_at_precision:g} or more"
    else:
        how = f"the greatest F score with beta {spec.f_beta or 1:g}"
    return f"It gives {how}, on out-of-fold predictions of the development rows; the hold-out had no part in it."
