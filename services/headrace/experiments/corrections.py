"""p-values of many comparisons at once.

Always-valid p-values are p-values at whatever time one looks, so Holm's correction keeps the chance of any false call
under alpha then too, however the comparisons depend on each other. Benjamini and Hochberg's bounds the expected share
of false calls among the calls, for comparisons that are independent or depend positively.
"""

from collections.abc import Sequence
from typing import Literal

Correction = Literal["holm", "benjamini_hochberg", "none"]


def adjusted(p_values: Sequence[float], correction: Correction) -> list[float]:
    """The least alpha at which each would be called, in the given order."""
    if correction == "holm":
        return _holm(p_values)
    return _benjamini_hochberg(p_values) if correction == "benjamini_hochberg" else list(p_values)


def _holm(p_values: Sequence[float]) -> list[float]:
    # S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
    count, made, highest = len(p_values), [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        made[index] = highest
    return made


def _benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    # Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B 57 (1995).
    count, made, least = len(p_values), [1.0] * len(p_values), 1.0
    for rank, index in reversed(list(enumerate(sorted(range(count), key=p_values.__getitem__), start=1))):
        least = min(least, p_values[index] * count / rank)
        made[index] = least
    return made
