"""A made-up series of a sensor, in which every kind of anomaly that the default rules find is to be found."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from random import Random

START_S = 1_709_251_200
"""2024-03-01T00:00Z; the series ends long before a device's clock could be ahead of the time of a test."""
EVERY_S = 300
PER_DAY = 86_400 // EVERY_S
_SPIKES = {int(days * PER_DAY): value for days, value in ((2.3, 45.0), (3.1, -20.0), (5.6, 60.0))}
_SHIFT = range(4 * PER_DAY, 5 * PER_DAY)
_IMPOSSIBLE = range(6 * PER_DAY, 6 * PER_DAY + 5)

Row = tuple[int, float]
"""Seconds since 1970 and value."""


def daily_series(seed: int, days: int = 7) -> list[Row]:
    """Temperatures with a daily course, noise, spikes, a day of another level and values that are impossible, as the
    last one is: who has found it has seen all before it."""
    rng = Random(seed)
    values = [_usual(rng, at) for at in range(days * PER_DAY)]
    for at in _SHIFT:
        values[at] += 9.0
    for at, value in _SPIKES.items():
        values[at] = value
    for at in (*_IMPOSSIBLE, len(values) - 1):
        values[at] = 4_000.0 + at
    return [(START_S + at * EVERY_S, value) for at, value in enumerate(values)]


def _usual(rng: Random, at: int) -> float:
    return 20.0 + 5.0 * math.sin(2 * math.pi * at / PER_DAY) + rng.gauss(0.0, 0.3)


def csv_of(rows: Iterable[Row]) -> str:
    """The series as `headrace detect` reads it; numbers keep all their digits."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("timestamp", "value"))
    writer.writerows(rows)
    return text.getvalue()
