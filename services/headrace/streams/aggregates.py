"""Count, sum, least, greatest and last value of the readings in a window, for many windows at a time.

All of them but the sum are the same for any order of arrival: of several values at the last time the greatest counts.
Sums are added one value after the other in order of arrival, so that no batching changes a bit of them.
"""

import numpy as np

from headrace.streams.columns import Column, Floats, Ints, Records, Rows

COLUMNS = (
    Column("count", "<i8", 0),
    Column("total", "<f8", 0.0),
    Column("least", "<f8", np.inf),
    Column("greatest", "<f8", -np.inf),
    Column("last", "<f8", -np.inf),
    Column("last_us", "<i8", -(1 << 62)),
)
"""The aggregates of a window; blank is that of no reading. `last_us` is the event time of `last`."""

NAMES = tuple(column.name for column in COLUMNS)
DTYPE = np.dtype([(column.name, column.dtype) for column in COLUMNS])
NONE = np.array(tuple(column.blank for column in COLUMNS), DTYPE)
Content = tuple[int, float, float, float, float, int]
"""The aggregates of one window, in the order of `COLUMNS`."""


def add_segments(into: Records, begins: Rows, lengths: Rows, times: Ints, values: Floats) -> None:
    """Adds readings that lie segment by segment.

    Args:
        into: aggregates of each segment, shape (segments,); changed in place.
        begins, lengths: where each segment is, one after the other from 0 on, none empty, shape (segments,).
        times: microseconds UTC, shape (readings,).
        values: finite and without a negative zero, shape (readings,).
    """
    segment = np.repeat(np.arange(len(begins)), lengths)
    total = into["total"].copy()
    np.add.at(total, segment, values)
    into["total"] = total
    into["count"] += lengths
    into["least"] = np.minimum(into["least"], np.minimum.reduceat(values, begins))
    into["greatest"] = np.maximum(into["greatest"], np.maximum.reduceat(values, begins))
    last_us = np.maximum.reduceat(times, begins)
    last = np.maximum.reduceat(np.where(times == last_us[segment], values, -np.inf), begins)
    _keep_last(into, last_us, last)


def _keep_last(into: Records, last_us: Ints, last: Floats) -> None:
    older, tie = last_us < into["last_us"], last_us == into["last_us"]
    into["last"] = np.where(older, into["last"], np.where(tie, np.maximum(last, into["last"]), last))
    into["last_us"] = np.maximum(last_us, into["last_us"])


def add_one(into: np.void, time: int, value: float) -> None:
    """Adds one reading to the aggregates of one window, in place."""
    latest = max((time, value), (into["last_us"], into["last"]))
    into["count"] += 1
    into["total"] += value
    into["least"] = min(into["least"], value)
    into["greatest"] = max(into["greatest"], value)
    into["last_us"], into["last"] = latest


def merge(into: np.void, other: np.void) -> None:
    """Adds the aggregates of another window, in place."""
    latest = max((other["last_us"], other["last"]), (into["last_us"], into["last"]))
    into["count"] += other["count"]
    into["total"] += other["total"]
    into["least"] = min(into["least"], other["least"])
    into["greatest"] = max(into["greatest"], other["greatest"])
    into["last_us"], into["last"] = latest
