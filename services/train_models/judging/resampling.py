"""How often each row is drawn by a bootstrap: the one source of randomness of intervals and paired tests."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

DRAWS = 2_000
_FEWEST_DRAWS = 200
_MOST_CELLS = 100_000_000
"""Draws times rows of a bootstrap: beyond it fewer draws are made, whose intervals are narrow anyway."""
_CELLS_AT_ONCE = 2_000_000


def clusters_of(rows: TrainingRows) -> Array | None:
    """A number for each row, equal for rows that hang together; None where each row stands for itself.

    Rows of a group do, and so do rows of the same id, as one customer at several times.
    """
    named = rows.ids if rows.groups is None else rows.groups
    clusters, names = pd.factorize(np.asarray(named, dtype=object))
    return None if len(names) == len(named) else np.asarray(clusters)


def part_of(clusters: Array | None, mask: Array) -> Array | None:
    """Of some of the rows."""
    return None if clusters is None else clusters[mask]


def count_of(clusters: Array | None) -> int | None:
    """How many clusters there are; None where each row stands for itself."""
    return None if clusters is None else len(np.unique(clusters))


def deviations(tail: float, clusters: int | None) -> float:
    """At how many standard errors a tail of this share begins: by Student's t of so many clusters, else the normal."""
    return float(norm.isf(tail) if clusters is None else student.isf(tail, max(1, clusters - 1)))


def tail_of_draws(tail: float, clusters: int | None) -> float:
    """The share of draws that stands for a tail: less for few clusters, whose draws spread too little.

    The expanded percentile interval: Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 69, 2015, section 4.1.2.
    """
    return tail if clusters is None else float(norm.sf(deviations(tail, clusters) * _spread(clusters)))


def tail_by_draws(share: float, clusters: int | None) -> float:
    """The tail for which a share of draws stands: the other way round."""
    if clusters is None:
        return share
    return float(student.sf(norm.isf(share) / _spread(clusters), max(1, clusters - 1)))


def _spread(clusters: int) -> float:
    return float(np.sqrt(clusters / max(1, clusters - 1)))


def drawn_counts(
    target: Array, is_stratified: bool, draws: int, seed: int, clusters: Array | None = None
) -> Iterator[Array]:
    """How often each row is in each draw: blocks of (draws of the block, rows), float64.

    A stratified draw has as many rows of each value of the target as there are, so that none is without positives. The
    same rows, draws and seed give the same counts, so that two models scored on the same rows can be compared by draw.

    Where rows hang together their clusters are drawn, each with all its rows: rows drawn one by one would tell the same
    thing several times, and make chance look like a difference (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, section 3.8; Field and Welsh, JRSS B 69, 2007). A stratified draw then has as many clusters with
    a positive row as there are.

    Args:
        clusters: of `clusters_of`.
    """
    random, rows = np.random.default_rng(seed), len(target)
    of_row, drawn = _units(target, clusters)
    strata = (
        [np.flatnonzero(drawn == value) for value in np.unique(drawn)] if is_stratified else [np.arange(len(drawn))]
    )
    left = max(min(draws, _FEWEST_DRAWS), min(draws, _MOST_CELLS // max(1, rows)))
    while left > 0 and rows > 0:
        block = min(left, max(1, _CELLS_AT_ONCE // rows))
        counts = np.zeros((block, len(drawn)))
        for stratum in strata:
            counts[:, stratum] = _counts_of(random, block, len(stratum))
        yield counts if of_row is None else counts[:, of_row]
        left -= block


def _units(target: Array, clusters: Array | None) -> tuple[Array | None, Array]:
    """Which unit each row belongs to, None where each is its own; and each unit's stratum."""
    if clusters is None:
        return None, target
    names, of_row = np.unique(clusters, return_inverse=True)
    if len(names) == len(target):
        return None, target
    has_positive = np.zeros(len(names), dtype=bool)
    has_positive[of_row[target == 1]] = True
    return of_row, has_positive


def _counts_of(random: np.random.Generator, draws: int, rows: int) -> Array:
    drawn = random.integers(0, rows, (draws, rows)) + rows * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * rows).reshape(draws, rows)
