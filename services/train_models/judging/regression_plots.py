"""Pictures of how far predicted values are from the true ones."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from headrace.plot_style import BLUE, INK, ORANGE, SOFT, legend, thousands
from train_models.judging.plot_style import picture

Array = np.ndarray[Any, Any]

_MOST_POINTS = 800
_BANDS = 20


def predicted_picture(target: Array, scores: Array, seed: int) -> str:
    """Predicted against true values; at most 800 rows, drawn at random."""
    rows = _some(len(target), seed)
    ends = [float(min(target.min(), scores.min())), float(max(target.max(), scores.max()))]

    def draw(axes: Axes) -> None:
        axes.plot(ends, ends, color=SOFT, linewidth=1, linestyle=":")
        axes.scatter(target[rows], scores[rows], s=7, color=BLUE, alpha=0.45, linewidths=0)
        axes.set(xlabel="true value", ylabel="predicted value")
        thousands(axes.xaxis, axes.yaxis)

    return picture("Predicted against true values on the hold-out", draw)


def residuals_picture(target: Array, scores: Array, seed: int) -> str:
    """True less predicted against predicted: points, and the median with the middle 80 % in bands of the predicted."""
    rows, residuals = _some(len(target), seed), target - scores
    edges = np.unique(np.quantile(scores, np.arange(1, _BANDS) / _BANDS))
    places = np.searchsorted(edges, scores, side="left")
    bands = [(scores[places == at], residuals[places == at]) for at in np.unique(places)]
    middle = [float(np.median(predicted)) for predicted, _ in bands]
    low, median, high = np.array([np.quantile(found, [0.1, 0.5, 0.9]) for _, found in bands]).T
    limits = np.quantile(residuals, [0.002, 0.998])

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=SOFT, linewidth=1, linestyle=":")
        axes.scatter(scores[rows], residuals[rows], s=6, color=BLUE, alpha=0.3, linewidths=0)
        axes.fill_between(middle, low, high, color=ORANGE, alpha=0.25, linewidth=0, label="middle 80 %")
        axes.plot(middle, median, color=ORANGE, label="median")
        axes.set(xlabel="predicted value", ylabel="true less predicted")
        room = 0.15 * max(1e-12, float(limits[1] - limits[0]))
        axes.set_ylim(float(limits[0]) - room, float(limits[1]) + room)
        thousands(axes.xaxis, axes.yaxis)
        legend(axes, "upper right")

    return picture("Residuals on the hold-out", draw)


def residual_spread_picture(target: Array, scores: Array) -> str:
    """How the residuals are spread, with their median."""
    residuals = target - scores
    low, high = np.quantile(residuals, [0.002, 0.998])
    shown = residuals[(residuals >= low) & (residuals <= high)]

    def draw(axes: Axes) -> None:
        axes.hist(shown, bins=50, color=BLUE, alpha=0.8)
        axes.axvline(float(np.median(residuals)), color=ORANGE, label="median")
        axes.axvline(0, color=INK, linewidth=1, linestyle=":")
        axes.set(xlabel="true less predicted", ylabel="rows")
        thousands(axes.xaxis)
        legend(axes)

    return picture("How residuals are spread on the hold-out", draw)


def _some(rows: int, seed: int) -> Array:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:_MOST_POINTS])
