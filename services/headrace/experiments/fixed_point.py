"""Amounts as integers of hundredths: their sums are exact, so the same in any order."""

import math

from headrace.experiments.experiment import FIXED

_MOST = 10**9


def in_hundredths(amount: float | None) -> int:
    """The nearest integer of hundredths; 0 for none or no number, and at most ten million units either way."""
    if amount is None or math.isnan(amount):
        return 0
    return round(max(-_MOST / FIXED, min(amount, _MOST / FIXED)) * FIXED)
