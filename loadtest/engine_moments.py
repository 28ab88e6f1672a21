"""Exponentially weighted mean and variance by key, and what is too far from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headrace.streams.by_key import ByKey, rounds
from headrace.streams.columns import Column, Floats, KeyedColumns, Rows

_FEW = 16
"""Keys below which a round costs more as numpy calls than as plain floats. Both give the same bits: each step is one
addition, subtraction or multiplication, which IEEE 754 rounds in one way."""


class Outliers(NamedTuple):
    """Values far from the mean: their positions in the batch, rising, and their distance in standard deviations."""

    positions: Rows
    scores: Floats


class Moments:
    """Mean and variance of each key; the first value is the mean and has no variance.

    Args:
        table: has `COLUMNS`; `add` changes the rows of its group and leaves it to others to mark them.
        alpha: weight of a new value.
        threshold: standard deviations from the mean, as they were before a value, beyond which it is an outlier.
    """

    COLUMNS = (Column("mean", "<f8", np.nan), Column("variance", "<f8", 0.0))

    def __init__(self, table: KeyedColumns, alpha: float, threshold: float) -> None:
        self._table = table
        self._alpha = alpha
        self._threshold = threshold

    def add(self, group: ByKey, values: Floats) -> Outliers:
        """Takes a batch's values, in arrival order, shape (records,)."""
        batch = rounds(group)
        means, variances = self._table["mean"][batch.rows], self._table["variance"][batch.rows]
        ordered = values[batch.order]
        np.copyto(means, ordered[: len(means)], where=np.isnan(means))
        distances, spreads = np.empty_like(ordered), np.empty_like(ordered)
        many = int(np.count_nonzero(batch.sizes >= _FEW))
        parts = list(batch.slices())
        for part in parts[:many]:
            size = part.stop - part.start
            self._step(ordered[part], means[:size], variances[:size], distances[part], spreads[part])
        self._step_few(parts[many:], ordered, means, variances, distances, spreads)
        self._table["mean"][batch.rows], self._table["variance"][batch.rows] = means, variances
        return self._outliers(batch.order, distances, np.sqrt(spreads))

    def _step(self, values: Floats, means: Floats, variances: Floats, distances: Floats, spreads: Floats) -> None:
        np.subtract(values, means, out=distances)
        spreads[:] = variances
        moves = distances * self._alpha
        means += moves
        moves *= distances
        variances += moves
        variances *= 1.0 - self._alpha

    def _step_few(
        self,
        parts: list[slice],
        values: Floats,
        means: Floats,
        variances: Floats,
        distances: Floats,
        spreads: Floats,
    ) -> None:
        if not parts:
            return
        alpha, rest = self._alpha, 1.0 - self._alpha
        begin, keys = parts[0].start, parts[0].stop - parts[0].start
        mean, variance = means[:keys].tolist(), variances[:keys].tolist()
        listed = values[begin:].tolist()
        found, held = [], []
        for part in parts:
            for key, value in enumerate(listed[part.start - begin : part.stop - begin]):
                distance = value - mean[key]
                found.append(distance)
                held.append(variance[key])
                move = distance * alpha
                mean[key] += move
                variance[key] = (variance[key] + move * distance) * rest
        distances[begin:], spreads[begin:] = found, held
        means[:keys], variances[:keys] = mean, variance

    def _outliers(self, order: Rows, distances: Floats, deviations: Floats) -> Outliers:
        far = np.flatnonzero((np.abs(distances) > self._threshold * deviations) & (deviations > 0))
        far = far[np.argsort(order[far])]
        return Outliers(order[far], distances[far] / deviations[far])
