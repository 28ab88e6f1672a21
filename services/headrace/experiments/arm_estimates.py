"""Means of arms from exact sums; with CUPED where people's past is known.

CUPED: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM 2013: y - θ(x - x̄) has the mean of y and less variance, with θ = cov(y, x) / var(x) within
the arms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headrace.interactions.records import Sums


@dataclass(frozen=True)
class ArmEstimate:
    """Of the people of one arm, in the metric's unit.

    Attributes:
        mean: adjusted by the past, where that is used.
        variance: of a person's value, adjusted alike; 0 with fewer than two people.
        plain_mean: as it was seen.
    """

    people: int
    mean: float
    variance: float
    plain_mean: float


@dataclass(frozen=True)
class Estimates:
    """Of all arms that have people.

    Attributes:
        theta: by which the past was taken off; 0 where it is not used or says nothing.
        left: the share of the variance within the arms that remains after it; 1 where nothing was taken off.
    """

    arms: Mapping[str, ArmEstimate]
    theta: float
    left: float


class _Spread(NamedTuple):
    """Sums of products of deviations from the arm's means."""

    yy: float
    xx: float
    xy: float

    def adjusted(self, theta: float) -> float:
        return max(self.yy - 2 * theta * self.xy + theta**2 * self.xx, 0.0)


def estimate(sums: Mapping[str, Sums], scale: int, use_past: bool) -> Estimates:
    """From the sums of each arm.

    Args:
        scale: by what the integers are divided to have the metric's unit.
        use_past: whether CUPED is used.
    """
    seen = {name: each for name, each in sums.items() if each.n}
    spreads = {name: _spread(each) for name, each in seen.items()}
    within = _Spread(*(sum(column) for column in zip(*spreads.values(), strict=True))) if seen else _Spread(0, 0, 0)
    theta = within.xy / within.xx if use_past and within.xx > 0 else 0.0
    past = sum(each.x for each in seen.values()) / max(sum(each.n for each in seen.values()), 1)
    arms = {name: _arm(each, spreads[name], theta, past, scale) for name, each in seen.items()}
    return Estimates(arms, theta, within.adjusted(theta) / within.yy if within.yy > 0 else 1.0)


def _spread(sums: Sums) -> _Spread:
    # Integers until the division, so nothing is lost where a mean is large beside the deviations.
    n = sums.n
    return _Spread((n * sums.yy - sums.y**2) / n, (n * sums.xx - sums.x**2) / n, (n * sums.xy - sums.x * sums.y) / n)


def _arm(sums: Sums, spread: _Spread, theta: float, past: float, scale: int) -> ArmEstimate:
    n = sums.n
    plain = sums.y / n
    mean = plain - theta * (sums.x / n - past)
    return ArmEstimate(n, mean / scale, spread.adjusted(theta) / max(n - 1, 1) / scale**2, plain / scale)
