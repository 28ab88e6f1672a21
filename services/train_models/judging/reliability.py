"""Whether probabilities mean what they say: of rows given 0.3, about 3 in 10 should be positive."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of about the same probability: the mean of it, the share of positives with its 95 % Wilson interval."""

    predicted: float
    seen: float
    low: float
    high: float
    rows: int


def reliability(target: Array, scores: Array, most_bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bins with about as many rows each, from the lowest probability on; equal probabilities are in one bin."""
    edges = np.unique(np.quantile(scores, np.arange(1, most_bins) / most_bins)) if len(scores) else np.zeros(0)
    places = np.searchsorted(edges, scores, side="left")
    return tuple(_bin(target[places == at], scores[places == at]) for at in np.unique(places))


def _bin(target: Array, scores: Array) -> ReliabilityBin:
    positives, rows = int(np.count_nonzero(target == 1)), len(target)
    interval = binomtest(positives, rows).proportion_ci(method="wilson")
    return ReliabilityBin(float(scores.mean()), positives / rows, float(interval.low), float(interval.high), rows)


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """The expected calibration error: the bins' distances between said and seen, weighed by their rows.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
    """
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.predicted - each.seen) for each in bins) / rows if rows else float("nan")
