"""Event time by key: the watermark of each key, and when keys that are idle may be forgotten.

A key's watermark is the greatest event time of its records, so that one fast clock or one late import makes no
neighbour late. An event time in the future is taken as the append time. "Now" is the append time of the record that is
looked at, never the wall clock, so that a recomputation gives the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headrace.streams.by_key import ByKey
from headrace.streams.columns import Column, Ints, KeyedColumns, Rows

BEGINNING = -(1 << 62)
"""Watermark of a key of which nothing is known."""

COLUMNS = (Column("watermark", "<i8", BEGINNING), Column("appended", "<i8", BEGINNING))
"""What `advance` keeps of each key, in microseconds UTC: its watermark and the append time of its newest record."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a batch moves the watermarks of its keys. Microseconds UTC.

    Attributes:
        times: event times in the order of the group, clamped to the append times, shape (records,).
        before: the key's watermark before each of them, shape (records,).
        old, new: the watermark of each run before and after the batch, shape (runs,).
        clamped: how many times were in the future.
    """

    times: Ints
    before: Ints
    old: Ints
    new: Ints
    clamped: int

    def first_reaching(self, group: ByKey, runs: Rows, moments: Ints) -> Rows:
        """Positions in the batch of the readings that brought the watermarks of runs to moments that they reached."""
        found = []
        bounds = zip(group.starts[runs].tolist(), group.lasts[runs].tolist(), moments.tolist(), strict=True)
        for begin, last, moment in bounds:
            found.append(begin + int(np.argmax(self.times[begin : last + 1] >= moment)))
        return group.order[np.array(found, np.intp)]


def advance(table: KeyedColumns, group: ByKey, times: Ints, appended: Ints) -> Progress:
    """Moves the watermarks of a batch's keys, whose rows count as changed.

    Args:
        table: has `COLUMNS`.
        times, appended: event and append times in arrival order, shape (records,).
    """
    watermark, newest = table["watermark"], table["appended"]
    clamped = np.minimum(times, appended)[group.order]
    old = watermark[group.rows]
    before = _before_each(group, clamped, old)
    new = np.maximum(before[group.lasts], clamped[group.lasts])
    watermark[group.rows] = new
    newest[group.rows] = np.maximum(newest[group.rows], np.maximum.reduceat(appended[group.order], group.starts))
    table.touch(group.rows)
    return Progress(clamped, before, old, new, int(np.count_nonzero(times > appended)))


def _before_each(group: ByKey, times: Ints, old: Ints) -> Ints:
    """The greatest time before each record of its run, `old` included."""
    before = np.empty_like(times)
    before[1:] = times[:-1]
    before[group.starts] = old
    back = times < before
    if back.any():
        for run in np.flatnonzero(np.logical_or.reduceat(back, group.starts)).tolist():
            begin = group.starts[run]
            part = before[begin : begin + group.lengths[run]]
            np.maximum.accumulate(part, out=part)
    return before


def newest_append(table: KeyedColumns) -> int:
    """The newest append time that a table knows of, or `BEGINNING`."""
    return int(table["appended"].max())


def idle_rows(table: KeyedColumns, before: int) -> Rows:
    """The keys that have no record since an append time, in an order that a restore keeps: that of the keys."""
    rows = np.flatnonzero(table.in_use & (table["appended"] < before))
    keys = table.keys(rows)
    return rows[sorted(range(len(rows)), key=keys.__getitem__)]


def cut_at_sweeps(appended: Ints, newest: int, period: int) -> Iterator[tuple[int | None, slice]]:
    """Cuts a batch where idle keys are to be swept out, so that it happens before the same record for any batching.

    Args:
        appended: append times in arrival order, shape (records,), at least one.
        newest: the newest append time before the batch (`newest_append`).
        period: microseconds of append time between sweeps.

    Yields:
        The append time that a sweep is due for before the slice, or None, and the slice.
    """
    if int(appended.max()) // period <= newest // period:
        yield None, slice(0, len(appended))
        return
    number = np.maximum.accumulate(np.maximum(appended, newest)) // period
    before = np.concatenate(([newest // period], number[:-1]))
    due = np.flatnonzero(number > before)
    begins = [0, *due[due > 0].tolist()]
    for begin, end in zip(begins, [*begins[1:], len(appended)], strict=True):
        sweep = int(number[begin]) * period if number[begin] > before[begin] else None
        yield sweep, slice(begin, end)
