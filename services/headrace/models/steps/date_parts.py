"""Parts of a time, in UTC."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.models.steps.traced import TracedStep

DAY_S = 86_400.0
_FROM_MARCH_0000 = 719_468.0
"""Days from 0000-03-01 to 1970-01-01: a year that begins in March ends with its leap day."""


class DateParts(TracedStep):
    """Epoch seconds → the asked parts of each column.

    Args:
        parts: of `year`, `month` (1–12), `day` (1–31), `weekday` (Monday is 0), `hour`, and `days` since 1970-01-01
            with their fraction.
    """

    def __init__(self, parts: Sequence[str] = ("month", "day", "weekday", "hour", "days")) -> None:
        self.parts = parts

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        found = [date_parts(each) for each in columns]
        return [parts[part] for parts in found for part in self.parts]

    def names(self, given: Sequence[str]) -> list[str]:
        return [f"{name}_{part}" for name in given for part in self.parts]


def date_parts(seconds: Any) -> dict[str, Any]:
    """All parts of a time in epoch seconds, Gregorian, in floats that hold whole numbers exactly.

    The algorithm is `civil_from_days` of https://howardhinnant.github.io/date_algorithms.html.
    """
    days = np.floor(seconds / DAY_S)
    shifted = days + _FROM_MARCH_0000
    era = np.floor(shifted / 146_097.0)
    of_era = shifted - era * 146_097.0
    leaps = np.floor(of_era / 1_460.0) - np.floor(of_era / 36_524.0) + np.floor(of_era / 146_096.0)
    year_of_era = np.floor((of_era - leaps) / 365.0)
    of_year = of_era - (year_of_era * 365.0 + np.floor(year_of_era / 4.0) - np.floor(year_of_era / 100.0))
    from_march = np.floor((of_year * 5.0 + 2.0) / 153.0)
    month = np.where(from_march < 10.0, from_march + 3.0, from_march - 9.0)
    return {
        "year": year_of_era + era * 400.0 + np.where(month <= 2.0, 1.0, 0.0),
        "month": month,
        "day": of_year - np.floor((from_march * 153.0 + 2.0) / 5.0) + 1.0,
        "weekday": days + 3.0 - np.floor((days + 3.0) / 7.0) * 7.0,
        "hour": np.floor((seconds - days * DAY_S) / 3_600.0),
        "days": seconds / DAY_S,
    }
