"""How far values have moved from those of training: the population stability index."""

from typing import Any

import numpy as np

from headrace.models.inputs import MISSING_TEXT
from headrace.models.manifest import Bins

Array = np.ndarray[Any, Any]

_LEAST_SHARE = 1e-4
"""An empty bin counts as this, as is usual, so that the index stays finite."""


def psi(reference: Bins, values: Array) -> float:
    """The population stability index: the sum over bins of (now - then) * ln(now / then).

    Below 0.1 is little, above 0.25 much, by the usual rule (Siddiqi, "Credit Risk Scorecards", 2006). Chance alone
    gives about (bins - 1) / rows (Yurdakul, "Statistical Properties of Population Stability Index", 2018), so few rows
    say little.

    Args:
        reference: how the input was spread in training.
        values: float64 with NaN where missing, or text with "" where missing, as `inputs.columns` makes them.

    Returns:
        0 or more; NaN where there are no values.
    """
    if len(values) == 0:
        return float("nan")
    now, then = (np.maximum(shares, _LEAST_SHARE) for shares in (shares_of(reference, values), _shares(reference)))
    return float(np.sum((now - then) * np.log(now / then)))


def shares_of(bins: Bins, values: Array) -> Array:
    """The share of values in each bin, and last of those missing; they add up to one."""
    missing, places = _places(bins, values)
    counts = np.bincount(places, minlength=len(bins.shares))
    found: Array = np.append(counts, np.count_nonzero(missing)) / len(values)
    return found


def _shares(bins: Bins) -> Array:
    return np.array([*bins.shares, bins.missing], dtype=np.float64)


def _places(bins: Bins, values: Array) -> tuple[Array, Array]:
    """Which are missing, and in which bin each other is."""
    if not bins.levels:
        numbers = np.asarray(values, dtype=np.float64)
        missing = np.isnan(numbers)
        return missing, np.searchsorted(np.asarray(bins.edges, dtype=np.float64), numbers[~missing], side="left")
    texts = np.asarray(values, dtype=object)
    missing = texts == MISSING_TEXT
    place = {level: at for at, level in enumerate(bins.levels)}
    others = len(bins.levels)
    return missing, np.array([place.get(text, others) for text in texts[~missing]], dtype=np.intp)
