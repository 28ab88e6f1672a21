"""The standard job's JSON readings as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, cast

import msgspec
import numpy as np

from headrace.streams.batch import Batch
from headrace.streams.columns import Floats, Ints, Rows

LOWEST = -50.0
HIGHEST = 150.0
_LAST_TS = 2.0**33
"""Seconds since 1970 that are taken for a time, up to the year 2242; their microseconds fit an int64."""


class Reading(msgspec.Struct, gc=False):
    """What a record's value holds; `ts` is event time in seconds."""

    device_id: str
    metric: str
    value: float
    ts: float


_decode: Callable[[Any], Reading] = msgspec.json.Decoder(Reading).decode
_value = attrgetter("value")
_ts = attrgetter("ts")


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of a batch that count, in arrival order.

    Attributes:
        positions: of their records in the batch, rising.
        times, appended: event and append time, microseconds UTC.
        broken: records that are no reading or have no key.
        out_of_range: readings that do not count.
    """

    positions: Rows
    keys: Sequence[bytes]
    times: Ints
    appended: Ints
    values: Floats
    broken: int
    out_of_range: int

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, part: slice) -> Readings:
        """Some of the readings; the counts stay those of the batch."""
        if part == slice(0, len(self)):
            return self
        return replace(
            self,
            positions=self.positions[part],
            keys=self.keys[part],
            times=self.times[part],
            appended=self.appended[part],
            values=self.values[part],
        )


def decode(batch: Batch) -> Readings:
    """Decodes a batch; a record that is broken costs itself alone."""
    readings, broken = _structs(batch)
    values = np.fromiter(map(_value, readings), np.float64, len(readings))
    seconds = np.fromiter(map(_ts, readings), np.float64, len(readings))
    appended = np.fromiter(batch.timestamps, np.int64, len(batch))
    positions, keys = np.arange(len(batch)), batch.keys
    if broken:
        positions = np.delete(positions, broken)
    counts = (values > LOWEST) & (values < HIGHEST) & (seconds >= 0) & (seconds < _LAST_TS)
    if not counts.all():
        positions, values, seconds = positions[counts], values[counts], seconds[counts]
    if len(positions) < len(batch):
        keys, appended = [keys[position] for position in positions.tolist()], appended[positions]
    times = np.rint(seconds * 1e6).astype(np.int64)
    out_of_range = len(readings) - len(positions)
    return Readings(positions, cast(Sequence[bytes], keys), times, appended, values, len(broken), out_of_range)


def _structs(batch: Batch) -> tuple[list[Reading], list[int]]:
    """The readings of a batch, and the positions of the records that hold none or have no key."""
    values = batch.values
    if not all(batch.keys):
        values = [value if key else None for key, value in zip(batch.keys, values, strict=True)]
    readings: list[Reading] = []
    broken: list[int] = []
    decoding = map(_decode, values)
    while len(readings) + len(broken) < len(batch):
        try:
            readings.extend(decoding)
        except (ValueError, TypeError, RecursionError):
            broken.append(len(readings) + len(broken))
    return readings, broken
