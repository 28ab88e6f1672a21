"""Rows of a model as a client makes them: features of what a device sent before a moment, and what came after it.

The model's own file says which, so that what is asked is what was trained.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from train_models.data.events_spec import Aggregate, Events

_MICROSECOND = timedelta(microseconds=1)
_Values = Sequence[float]
_AGGREGATES: dict[str, Callable[[_Values], float]] = {
    "count": len,
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "last": lambda values: values[-1],
}
_EMPTY = {"count": 0.0, "sum": 0.0}


class MeterRows:
    """The last readings of one metric of many devices; times are microseconds since 1970."""

    def __init__(self, spec: Events, kept: timedelta) -> None:
        self._spec = spec
        self._kept = kept // _MICROSECOND
        self._horizon = spec.label.horizon // _MICROSECOND
        self._seen_within = None if spec.seen_within is None else spec.seen_within // _MICROSECOND
        self._readings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.oldest: int | None = None
        self.newest: int | None = None

    @property
    def horizon(self) -> int:
        """Microseconds after a cut of which the outcome is."""
        return self._horizon

    @property
    def span(self) -> float:
        """Seconds from the first reading that came to the newest."""
        return 0.0 if self.oldest is None or self.newest is None else (self.newest - self.oldest) / 1e6

    def devices(self) -> list[str]:
        """By name."""
        return sorted(self._readings)

    def add(self, device: str, time: int, value: float) -> None:
        """Takes a reading, in any order; forgets what is too old."""
        known = self._readings[device]
        insort(known, (time, value))
        self.oldest = time if self.oldest is None else min(self.oldest, time)
        self.newest = time if self.newest is None else max(self.newest, time)
        if known[0][0] < self.newest - 2 * self._kept:
            del known[: bisect_left(known, (self.newest - self._kept,))]

    def row(self, device: str, cut: int) -> dict[str, float | None] | None:
        """The features as of `cut`; None where the device has been silent for too long."""
        known = self._readings.get(device, [])
        before = known[: bisect_left(known, (cut,))]
        if not before or (self._seen_within is not None and before[-1][0] < cut - self._seen_within):
            return None
        return {name: _aggregate(one, before, cut) for name, one in self._spec.features.items()}

    def outcome(self, device: str, cut: int) -> float | None:
        """The label of `cut`, as far as it came; None where nothing did."""
        known = self._readings.get(device, [])
        after = known[bisect_right(known, (cut, math.inf)) : bisect_right(known, (cut + self._horizon, math.inf))]
        return _of(self._spec.label.name, [value for _, value in after])


def _aggregate(one: Aggregate, before: list[tuple[int, float]], cut: int) -> float | None:
    first = 0 if one.within is None else bisect_left(before, (cut - one.within // _MICROSECOND,))
    return _of(one.name, [value for _, value in before[first:]])


def _of(name: str, values: _Values) -> float | None:
    return float(_AGGREGATES[name](values)) if values else _EMPTY.get(name)
