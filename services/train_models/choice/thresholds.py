"""The threshold of a classification, from predictions of rows that the fits had not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from headrace.models.scorer import TIE
from train_models.choice.choice_spec import Threshold

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Cuts:
    """Every threshold that decides differently, falling, and what is then decided positive.

    Thresholds lie in the middle between neighbouring scores, so that a rounding error of a score decides nothing. What
    `headrace.models.scorer.decide` would decide otherwise than was counted is no cut: between scores that it takes as
    one, and above a score of 1.
    """

    thresholds: Array
    true_positives: Array
    false_positives: Array
    positives: int

    @property
    def false_negatives(self) -> Array:
        return self.positives - self.true_positives

    def highest(self, values: Array, allowed: Array | None = None) -> float:
        """The threshold of the greatest value; of equal ones the highest, which raises fewest alarms."""
        masked = values if allowed is None else np.where(allowed, values, -np.inf)
        return float(self.thresholds[int(np.argmax(masked))])


def choose_threshold(spec: Threshold, target: Array, scores: Array) -> float:
    """The least probability that is decided positive, inside (0, 1).

    Args:
        target: 1 for the positive class, 0 for the other.
        scores: calibrated out-of-fold probabilities of the same rows.

    Raises:
        ConfigurationError: the precision that is asked for is never reached, or there are no positive rows.
    """
    if spec.fixed is not None:
        return spec.fixed
    if not np.any(target == 1):
        raise ConfigurationError("threshold: there are no positive rows to choose by; give `fixed`")
    cuts = _cuts(np.asarray(target) == 1, np.asarray(scores, dtype=np.float64))
    if spec.cost is not None:
        wrong, missed = spec.cost.get("false_positive", 1.0), spec.cost.get("false_negative", 1.0)
        return cuts.highest(-(wrong * cuts.false_positives + missed * cuts.false_negatives))
    if spec.recall_at_precision is not None:
        return _recall_at(spec.recall_at_precision, cuts)
    square = (1.0 if spec.f_beta is None else spec.f_beta) ** 2
    hits = (1 + square) * cuts.true_positives
    return cuts.highest(hits / (hits + square * cuts.false_negatives + cuts.false_positives))


def _recall_at(least: float, cuts: _Cuts) -> float:
    decided = cuts.true_positives + cuts.false_positives
    precision = np.divide(cuts.true_positives, decided, out=np.zeros(len(decided)), where=decided > 0)
    allowed = precision >= least
    if not allowed.any():
        best = int(np.argmax(precision))
        recall = cuts.true_positives[best] / cuts.positives
        raise ConfigurationError(
            f"threshold: recall_at_precision: {least} is never reached; the greatest precision on out-of-fold "
            f"predictions is {precision[best]:.3f}, at a recall of {recall:.3f}: ask for that or less"
        )
    return cuts.highest(cuts.true_positives.astype(np.float64), allowed)


def _cuts(positive: Array, scores: Array) -> _Cuts:
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(positive[order])
    ends = np.flatnonzero(np.append(np.diff(falling) != 0, True))
    true_positives = np.append(0, hits[ends])
    decided = np.append(0, ends + 1)
    edges = np.concatenate([[1.0], falling[ends], [0.0]])
    inside = np.clip((edges[:-1] + edges[1:]) / 2, np.finfo(np.float64).tiny, np.nextafter(1.0, 0.0))
    reached = len(scores) - np.searchsorted(falling[::-1], inside - TIE)
    kept = reached == decided
    return _Cuts(inside[kept], true_positives[kept], (decided - true_positives)[kept], int(positive.sum()))
