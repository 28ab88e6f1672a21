"""The period of a few values that are evenly spaced."""

from collections.abc import Sequence
from itertools import accumulate
from math import sqrt
from operator import mul

LEAST_LAG = 4
LEAST_CORRELATION = 0.5
FALLEN = 0.2
"""A period begins where the correlation has first fallen so low: before it, neighbours are alike."""
NEARLY = 0.9
_NOTHING = 1e-18


def find_period(values: Sequence[float]) -> float:
    """Period in steps, at least 4 and at most a third of the values, 0 where there is no plain one.

    The period is the first peak of the autocorrelation that is nearly as high as the highest, if it and the correlation
    at its double are at least 0.5; the double's peak gives it to a fraction of a step. A linear trend is taken away.

    G. E. P. Box, G. M. Jenkins, "Time Series Analysis: Forecasting and Control" (1970).
    """
    longest = len(values) // 3
    correlations = _correlations(_without_trend(values), 2 * longest + 3)
    fallen = next((lag for lag, each in enumerate(correlations) if each < FALLEN), longest)
    lags = range(max(fallen, LEAST_LAG), longest + 1)
    peaks = [lag for lag in lags if correlations[lag - 1] <= correlations[lag] >= correlations[lag + 1]]
    highest = max((correlations[lag] for lag in peaks), default=0.0)
    if highest < LEAST_CORRELATION:
        return 0.0
    lag = next(lag for lag in peaks if correlations[lag] >= NEARLY * highest)
    twice = max(range(2 * lag - 1, 2 * lag + 2), key=correlations.__getitem__)
    if correlations[twice] < LEAST_CORRELATION:
        return 0.0
    return (twice + _summit(*correlations[twice - 1 : twice + 2])) / 2.0


def _without_trend(values: Sequence[float]) -> list[float]:
    """Of size 1 at most, less the line of least squares."""
    count = len(values)
    scale = max(map(abs, values)) or 1.0
    values = [value / scale for value in values]
    middle = (count - 1) / 2.0
    mean = sum(values) / count
    slope = sum([(at - middle) * value for at, value in enumerate(values)]) / (count * (count * count - 1) / 12.0)
    return [value - mean - slope * (at - middle) for at, value in enumerate(values)]


def _correlations(values: Sequence[float], lags: int) -> list[float]:
    """Of lags 0, 1, …: each by the size of the parts that overlap."""
    sums = [0.0, *accumulate(map(mul, values, values))]
    count = len(values)
    found = []
    for lag in range(lags):
        sizes = sums[count - lag] * (sums[count] - sums[lag])
        found.append(sum(map(mul, values, values[lag:])) / sqrt(sizes) if sizes > _NOTHING else 0.0)
    return found


def _summit(before: float, here: float, after: float) -> float:
    """Where the parabola through three points is highest, from the middle one; at most half a step."""
    curve = before - 2.0 * here + after
    return max(-0.5, min(0.5, 0.5 * (before - after) / curve)) if curve < 0.0 else 0.0
