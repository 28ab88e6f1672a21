"""A fitted classifier whose probabilities go through a curve, so that 0.3 means 3 in 10.

scikit-learn's `CalibratedClassifierCV` fits its curve by a cross-validation of its own. This one takes any curve, so
that it can come from the out-of-fold predictions by which it was judged, and from time splits, which predict some rows.
"""

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

Array = np.ndarray[Any, Any]
Method = Literal["sigmoid", "isotonic"]

LEAST_ODDS = 1e-6
"""Probabilities are taken as this far from 0 and 1, so that their log-odds are finite."""


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted binary classifier and the curve from its probability to the calibrated one.

    Args:
        estimator: fitted; its second class is the positive one.
        method: `sigmoid` is 1 / (1 + exp(-(points_x[0] * log-odds + points_y[0]))); `isotonic` is lines between points.
        points_x: probabilities, float64, ascending; or the slope alone.
        points_y: calibrated probabilities of those, or the intercept alone.
    """

    def __init__(self, estimator: Any, method: Method, points_x: Array, points_y: Array) -> None:
        self.estimator = estimator
        self.method = method
        self.points_x = points_x
        self.points_y = points_y

    @property
    def classes_(self) -> Array:
        return np.asarray(self.estimator.classes_)

    def fit(self, rows: Any, target: Any) -> Self:
        """Does nothing: the estimator is fitted, and the curve is of predictions on other rows."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, rows: Any) -> Array:
        """Probabilities of both classes, float64, rows by 2."""
        positive = calibrate(self.method, self.points_x, self.points_y, self.estimator.predict_proba(rows)[:, 1])
        return np.column_stack([1 - positive, positive])

    def predict(self, rows: Any) -> Array:
        """The more probable class of each row."""
        found: Array = self.classes_[(self.predict_proba(rows)[:, 1] >= 0.5).astype(int)]
        return found


def calibrate(method: str, points_x: Array, points_y: Array, scores: Array) -> Array:
    """Probabilities → calibrated ones, float64; the arguments are those of `Calibrated`."""
    if method == "isotonic":
        return np.interp(scores, points_x, points_y)
    found: Array = 1 / (1 + np.exp(-(points_x[0] * log_odds(scores) + points_y[0])))
    return found


def log_odds(scores: Array) -> Array:
    """Of probabilities, kept finite."""
    inside = np.clip(np.asarray(scores, dtype=np.float64), LEAST_ODDS, 1 - LEAST_ODDS)
    odds: Array = np.log(inside / (1 - inside))
    return odds
