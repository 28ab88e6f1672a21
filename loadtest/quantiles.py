"""Quantiles from the buckets of a Prometheus histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """The value below which `share` of the observations are, by straight lines within buckets.

    `buckets` maps upper bounds to cumulative counts. NaN where there are no observations; the last finite bound where
    the value is beyond it.
    """
    bounds = sorted(buckets)
    wanted = share * buckets[bounds[-1]] if bounds else 0.0
    if not wanted:
        return math.nan
    low, below = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= wanted:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


def difference(before: Mapping[float, float], after: Mapping[float, float]) -> dict[float, float]:
    """The buckets of what was observed between two scrapes."""
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
