"""Pictures of how well probabilities order, mean what they say, and decide."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import precision_recall_curve, roc_curve

from headrace.plot_style import BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, SOFT, Place, legend
from train_models.judging.metrics import confusion_of_counts, metric_value
from train_models.judging.plot_style import picture
from train_models.judging.reliability import ReliabilityBin

Array = np.ndarray[Any, Any]

_POINTS = 400
"""Of a curve: more are not seen."""


def roc_picture(target: Array, scores: Mapping[str, Array]) -> str:
    """True positives against false ones, a curve per model: name → scores of the same rows."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=":")
        for (name, each), colour in zip(scores.items(), SERIES, strict=False):
            false, true, _ = roc_curve(target, each)
            x = np.linspace(0, 1, _POINTS)
            x, y = (false, true) if len(false) <= _POINTS else (x, np.interp(x, false, true))
            axes.plot(x, y, color=colour, label=f"{name} ({metric_value('roc_auc', target, each):.3f})")
        axes.set(xlabel="false positives, share of negatives", ylabel="true positives, share of positives")
        _square(axes, "lower right")

    return picture("ROC curve on the hold-out", draw)


def precision_recall_picture(target: Array, scores: Mapping[str, Array]) -> str:
    """Precision against recall, a curve per model."""

    def draw(axes: Axes) -> None:
        axes.axhline(float(np.mean(target)), color=SOFT, linewidth=1, linestyle=":")
        for (name, each), colour in zip(scores.items(), SERIES, strict=False):
            precision, recall, _ = precision_recall_curve(target, each, drop_intermediate=True)
            kept = np.unique(np.linspace(0, len(recall) - 1, _POINTS).astype(int))
            value = metric_value("average_precision", target, each)
            axes.step(recall[kept], precision[kept], where="post", color=colour, label=f"{name} ({value:.3f})")
        axes.set(xlabel="recall", ylabel="precision")
        _square(axes, "upper right")

    return picture("Precision and recall on the hold-out", draw)


def reliability_picture(bins: tuple[ReliabilityBin, ...]) -> str:
    """What was said against what was seen, with intervals; each mark tells the rows behind it."""

    def draw(axes: Axes) -> None:
        said, seen = np.array([each.predicted for each in bins]), np.array([each.seen for each in bins])
        errors = np.array([[each.seen - each.low, each.high - each.seen] for each in bins]).T.clip(min=0)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=":")
        axes.errorbar(said, seen, yerr=errors, color=BLUE, marker="o", markersize=5, capsize=3, linewidth=1.4)
        rows = [each.rows for each in bins]
        is_even = max(rows) - min(rows) <= 0.1 * max(rows)
        for each in () if is_even else bins:
            place = (each.predicted, each.high)
            text = f"{each.rows:,}"
            axes.annotate(text, place, (0, 4), textcoords="offset points", ha="center", fontsize=7, color=SOFT)
        how_many = f"{max(rows):,} rows a mark" if is_even else "rows above each mark"
        axes.set(xlabel="probability said", ylabel=f"share seen positive ({how_many})")
        top = min(1.04, 1.15 * max(0.1, float(said.max()), *(each.high for each in bins)))
        axes.set(xlim=(-0.02 * top, top), ylim=(-0.02 * top, top))

    return picture("Calibration on the hold-out", draw)


def lift_picture(target: Array, scores: Array) -> str:
    """The share of positives found among the rows with the highest probabilities, and how many times chance that is."""
    order = np.argsort(-scores, kind="stable")
    taken = np.arange(1, len(target) + 1) / len(target)
    found = np.cumsum(target[order] == 1) / max(1, int(np.count_nonzero(target == 1)))
    kept = np.unique(np.linspace(0, len(taken) - 1, _POINTS).astype(int))
    marks = [int(np.ceil(share * len(taken))) - 1 for share in (0.1, 0.2, 0.5)]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=":")
        axes.plot(np.append(0, taken[kept]), np.append(0, found[kept]), color=BLUE)
        for at in marks:
            axes.plot(taken[at], found[at], marker="o", color=ORANGE, markersize=6)
            text = f"lift {found[at] / taken[at]:.1f}"
            axes.annotate(text, (taken[at], found[at]), (7, -11), textcoords="offset points", fontsize=8.5, color=INK)
        axes.set(xlabel="rows taken, the most probable first", ylabel="positives found")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set(xlim=(0, 1.01), ylim=(0, 1.03))

    return picture("Gain and lift on the hold-out", draw)


def threshold_picture(target: Array, scores: Array, chosen: float, cost: Mapping[str, float] | None = None) -> str:
    """Precision, recall and F1 against the threshold on out-of-fold probabilities, and the cost where there is one.

    Args:
        cost: of a `false_positive` and a `false_negative`; drawn as a share of the greatest.
    """
    thresholds = np.linspace(0, 1, 201)
    counts = _counts_at(target, scores, thresholds)

    def draw(axes: Axes) -> None:
        for name, colour in (("precision", BLUE), ("recall", ORANGE), ("f1", GREEN)):
            values = confusion_of_counts(name, *counts)
            decided = counts[0] + counts[1] > 0
            axes.plot(thresholds[decided], values[decided], color=colour, label="F1" if name == "f1" else name)
        if cost:
            _, false_positives, _, false_negatives = counts
            paid = cost.get("false_positive", 0) * false_positives + cost.get("false_negative", 0) * false_negatives
            axes.plot(
                thresholds, paid / max(1e-12, paid.max()), color=RED, linestyle="--", label="cost / greatest cost"
            )
        axes.axvline(chosen, color=INK, linewidth=1.2)
        right = chosen > 0.75
        axes.annotate(
            f"threshold {chosen:.3f}",
            (chosen, 1.0),
            (-5 if right else 5, 4),
            textcoords="offset points",
            fontsize=8.5,
            ha="right" if right else "left",
            va="bottom",
            color=INK,
            annotation_clip=False,
        )
        axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1.0))
        axes.grid(color=GRID)
        legend(axes)

    return picture("Threshold trade-off, out of fold", draw)


def _counts_at(target: Array, scores: Array, thresholds: Array) -> tuple[Array, Array, Array, Array]:
    positives, negatives = np.sort(scores[target == 1]), np.sort(scores[target != 1])
    tp = len(positives) - np.searchsorted(positives, thresholds, side="left").astype(np.float64)
    fp = len(negatives) - np.searchsorted(negatives, thresholds, side="left").astype(np.float64)
    return tp, fp, len(negatives) - fp, len(positives) - tp


def _square(axes: Axes, place: Place) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    legend(axes, place)
