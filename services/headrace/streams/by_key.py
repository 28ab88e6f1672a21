"""The records of a batch in order of their keys, and in rounds for recurrences.

A recurrence, such as an exponentially weighted mean, must run in arrival order of each key, and give the same bits
however the stream is cut into batches. In round k every key that has one takes its k-th record of the batch: one
vector step, through the same numpy operations for every record.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headrace.streams.columns import Ints, Rows

_RADIX = 1 << 16
"""numpy's stable sort of 16-bit integers is a radix sort, six times faster than that of longer ones."""


@dataclass(frozen=True, slots=True)
class ByKey:
    """The positions of a batch, grouped by row, each group ("run") in arrival order.

    Attributes:
        order: positions of the batch, shape (records,); `values[order]` is what the arrays below talk of.
        starts: where each run begins in `order`, shape (runs,).
        lengths: records of each run.
        rows: the row of each run, rising.
    """

    order: Rows
    starts: Rows
    lengths: Rows
    rows: Rows

    @property
    def lasts(self) -> Rows:
        """Where each run has its last record."""
        return self.starts + self.lengths - 1

    def run_of_each(self) -> Rows:
        """The run that each record of `order` is in."""
        return np.repeat(np.arange(len(self.rows)), self.lengths)


def by_key(rows: Rows) -> ByKey:
    """Groups a batch, of at least one record, by row."""
    order = _stable_order(rows)
    grouped = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], grouped[1:] != grouped[:-1])))
    return ByKey(order, starts, lengths_of(starts, len(rows)), grouped[starts])


@dataclass(frozen=True, slots=True)
class Rounds:
    """A batch in rounds: first the first record of each key, then the second of each that has one, and so on.

    Attributes:
        order: positions of the batch in this order; round k is a slice of it.
        rows: the row of each key, those with most records first; the keys of round k are the first ones.
        sizes: records of each round, falling.
    """

    order: Rows
    rows: Rows
    sizes: Ints

    def slices(self) -> Iterator[slice]:
        """Where each round is in `order`."""
        begin = 0
        for size in self.sizes.tolist():
            yield slice(begin, begin + size)
            begin += size


def rounds(group: ByKey) -> Rounds:
    """Arranges a batch in rounds."""
    longest_first = np.argsort(-group.lengths, kind="stable")
    rank = np.empty_like(longest_first)
    rank[longest_first] = np.arange(len(rank))
    number = np.arange(len(group.order)) - np.repeat(group.starts, group.lengths)
    sizes = np.bincount(number)
    begins = np.cumsum(sizes) - sizes
    order = np.empty_like(group.order)
    order[begins[number] + np.repeat(rank, group.lengths)] = group.order
    return Rounds(order, group.rows[longest_first], sizes)


def lengths_of(begins: Rows, end: int) -> Rows:
    """The lengths of parts that begin at these positions, the last of which ends at `end`."""
    lengths = np.empty_like(begins)
    np.subtract(begins[1:], begins[:-1], out=lengths[:-1])
    lengths[-1:] = end - begins[-1:]
    return lengths


def _stable_order(rows: Rows) -> Rows:
    order = np.argsort((rows % _RADIX).astype(np.uint16), kind="stable")
    high = rows // _RADIX
    if not high.any():
        return order
    return order[np.argsort(high[order].astype(np.uint16), kind="stable")]
