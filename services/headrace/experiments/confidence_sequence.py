"""An interval for a difference of means that holds at all times at once, so it may be looked at whenever one likes.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences", arXiv 2103.06476, in the form in which GrowthBook gives it
(docs/statistics/sequential.mdx). Like all that rests on the central limit theorem it wants people enough to begin with.
"""

import math


def tuning(alpha: float, tuned_for: int) -> float:
    """ρ, by which the sequence is narrowest at `tuned_for` people."""
    log = -2 * math.log(alpha)
    return math.sqrt((log + math.log(log + 1)) / tuned_for)


def half_width(error: float, people: int, alpha: float, rho: float) -> float:
    """Half the interval's width, in the unit of the standard error.

    Args:
        error: the difference's standard error at present.
        people: in both arms.
        alpha: how often the true difference is ever outside.
        rho: by `tuning`; the same at every look.
    """
    scaled = people * rho**2
    return error * math.sqrt(2 * (scaled + 1) / scaled * math.log(math.sqrt(scaled + 1) / alpha))


def p_value(difference: float, error: float, people: int, rho: float) -> float:
    """The least alpha with which the interval leaves 0 out, at most 1; valid at whatever time one stops to look."""
    if error <= 0:
        return 1.0
    scaled = people * rho**2
    z = difference / error
    return min(1.0, math.exp(math.log(scaled + 1) / 2 - z * z * scaled / (2 * (scaled + 1))))


def p_value_above(difference: float, bound: float, error: float, people: int, rho: float) -> float:
    """The least alpha with which the interval lies above `bound`; 1 where the difference doesn't."""
    return p_value(difference - bound, error, people, rho) if difference > bound else 1.0
