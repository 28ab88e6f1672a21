"""Whether the arms are as large as their shares say; where not, something is broken and no result counts.

The chi-squared test is for one look. For many, the sequential test of Lindon and Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022: the Bayes factor of counts whose shares come from a Dirichlet distribution around
the planned ones against the planned shares themselves; one over it is a p-value at every look.
"""

import math
from collections.abc import Sequence

CONCENTRATION = 1_000.0
"""Of the Dirichlet: how near to the planned shares those that are looked for lie, some 1/√CONCENTRATION off."""


def sequential_p(counts: Sequence[int], shares: Sequence[float], concentration: float = CONCENTRATION) -> float:
    """The p-value of these counts under these shares, at whatever time one looks.

    Args:
        shares: as many as counts, above 0; they add up to 1.
    """
    priors = [concentration * share for share in shares]
    log_factor = math.lgamma(concentration) - math.lgamma(concentration + sum(counts))
    for count, share, prior in zip(counts, shares, priors, strict=True):
        log_factor += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return min(1.0, math.exp(-max(log_factor, 0.0)))


def chi_squared_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The same for one look alone, by Pearson's test."""
    total = sum(counts)
    if not total or len(counts) < 2:
        return 1.0
    statistic = sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))
    return _chi_squared_above(statistic, len(counts) - 1)


def _chi_squared_above(statistic: float, degrees: int) -> float:
    """The upper tail, by the recurrence of the incomplete gamma function, Q(a+1, x) = Q(a, x) + x^a e^-x / Γ(a+1)."""
    x = statistic / 2
    if x == 0:
        return 1.0
    order = degrees / 2
    a, tail = (0.5, math.erfc(math.sqrt(x))) if degrees % 2 else (1.0, math.exp(-x))
    while a < order:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1))
        a += 1
    return min(1.0, tail)
