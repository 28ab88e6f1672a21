"""Whether and how probabilities are calibrated, judged on predictions that no curve was fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.pipeline import Pipeline

from headrace.models.steps.calibrated import Calibrated, calibrate, log_odds

Array = np.ndarray[Any, Any]
Method = Literal["none", "sigmoid", "isotonic"]

_CLEARLY = 2.0
"""Standard errors of the mean difference over folds by which a curve must be better than none."""
_LEAST_WIDTH = 0.02
"""Between two points of an isotonic curve: a steeper step would make much of a rounding error."""


@dataclass(frozen=True)
class Curve:
    """From a probability to a calibrated one; the points are those of `Calibrated`."""

    method: Method
    points_x: Array
    points_y: Array

    def of(self, scores: Array) -> Array:
        """Calibrated probabilities."""
        if self.method == "none":
            return np.asarray(scores, dtype=np.float64)
        return calibrate(self.method, self.points_x, self.points_y, scores)


@dataclass(frozen=True)
class FoldPredictions:
    """Out-of-fold probabilities of one fold, with the truth."""

    repeat: int
    fold: int
    target: Array
    scores: Array


NO_CURVE = Curve("none", np.zeros(0), np.zeros(0))


def choose_method(wanted: Literal["auto"] | Method, folds: Sequence[FoldPredictions], by_time: bool) -> Method:
    """The method that is wanted; for `auto` the one with the least log loss that is clearly better than none.

    Clearly: by two standard errors of the mean difference over folds, with a Brier score that is not worse. Each fold
    is judged with a curve from the others (the older ones, `by_time`).
    """
    if wanted != "auto":
        return wanted
    best: tuple[float, Method] = (0.0, "none")
    methods: tuple[Method, ...] = ("sigmoid", "isotonic")
    for method in methods:
        gains = [
            (_loss(fold.target, fold.scores) - _loss(fold.target, scores), _brier_gain(fold, scores))
            for fold, scores in zip(folds, cross_fitted(method, folds, by_time), strict=True)
            if scores is not None
        ]
        if len(gains) < 2:
            continue
        by_loss, by_brier = np.array(gains).T
        error = float(np.std(by_loss, ddof=1) / np.sqrt(len(by_loss)))
        mean = float(np.mean(by_loss))
        if mean > _CLEARLY * error and np.mean(by_brier) >= 0 and mean > best[0]:
            best = (mean, method)
    return best[1]


def cross_fitted(method: Method, folds: Sequence[FoldPredictions], by_time: bool) -> list[Array | None]:
    """Each fold's probabilities through a curve from the other folds of its repeat; None where there are none."""
    found: list[Array | None] = []
    for fold in folds:
        others = [each for each in folds if each.repeat == fold.repeat and _may_teach(each, fold, by_time)]
        if method == "none":
            found.append(fold.scores)
        elif not others:
            found.append(None)
        else:
            found.append(fit_curve(method, others).of(fold.scores))
    return found


def fit_curve(method: Method, folds: Sequence[FoldPredictions]) -> Curve:
    """The curve from out-of-fold probabilities to the truth.

    Sigmoid: Platt's, on log-odds (Advances in Large Margin Classifiers, 1999). Isotonic: centred, so that it rises
    between its points (Oron and Flournoy, Statistics in Biopharmaceutical Research 9, 2017).
    """
    if method == "none":
        return NO_CURVE
    target = np.concatenate([fold.target for fold in folds]).astype(np.int64)
    scores = np.concatenate([fold.scores for fold in folds])
    if method == "sigmoid":
        line = LogisticRegression(C=np.inf, max_iter=1_000).fit(log_odds(scores)[:, None], target)
        return Curve(method, line.coef_[0].astype(np.float64), line.intercept_.astype(np.float64))
    return _isotonic(scores, target)


def with_curve(pipeline: Pipeline, curve: Curve) -> Pipeline:
    """A fitted pipeline whose last step gives calibrated probabilities."""
    if curve.method == "none":
        return pipeline
    last, algorithm = pipeline.steps[-1]
    return Pipeline([*pipeline.steps[:-1], (last, Calibrated(algorithm, curve.method, curve.points_x, curve.points_y))])


def _isotonic(scores: Array, target: Array) -> Curve:
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit_transform(scores, target)
    levels, at, counts = np.unique(fitted, return_inverse=True, return_counts=True)
    centres = np.bincount(at, weights=scores) / counts
    x, y = _merged(centres, levels, counts.astype(np.float64))
    if len(x) == 1:
        x, y = np.array([0.0, 1.0]), np.repeat(y, 2)
    # Never 0 or 1: one wrong answer would then cost an infinite log loss.
    least = 1 / (len(scores) + 2)
    return Curve("isotonic", x, np.clip(y, least, 1 - least))


def _merged(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Neighbouring points that are too close made one, at their weighted mean."""
    points: list[list[float]] = []
    for at, level, weight in zip(x, y, weights, strict=True):
        points.append([float(at), float(level), float(weight)])
        while len(points) > 1 and points[-1][0] - points[-2][0] < _LEAST_WIDTH:
            x2, y2, w2 = points.pop()
            x1, y1, w1 = points.pop()
            whole = w1 + w2
            points.append([(x1 * w1 + x2 * w2) / whole, (y1 * w1 + y2 * w2) / whole, whole])
    merged_x, merged_y, _ = np.array(points).T
    return merged_x, merged_y


def _may_teach(other: FoldPredictions, fold: FoldPredictions, by_time: bool) -> bool:
    return other.fold < fold.fold if by_time else other.fold != fold.fold


def _loss(target: Array, scores: Array) -> float:
    return float(log_loss(target, scores, labels=[0, 1]))


def _brier_gain(fold: FoldPredictions, scores: Array) -> float:
    return float(brier_score_loss(fold.target, fold.scores) - brier_score_loss(fold.target, scores))
