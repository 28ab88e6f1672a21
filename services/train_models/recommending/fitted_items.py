"""Persons × items as a sparse matrix, of the items that a model is about."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from headrace.errors import ConfigurationError
from train_models.recommending.interactions import Interactions


@dataclass(frozen=True)
class FittedItems:
    """What an algorithm learns from.

    Attributes:
        names: of the items, by row of the model.
        matrix: float32, (persons, items): 0 where there was nothing.
    """

    names: tuple[str, ...]
    matrix: sparse.csr_matrix


def fitted_items(past: Interactions, *, least: int, most: int, weighted: bool) -> FittedItems:
    """Each person's strongest interaction with each item.

    Args:
        least: persons that an item needs.
        most: items with the most persons that are kept; of equals those that were seen first.
        weighted: log2(1 + weight), so that a view is 1 and a purchase 2.6; else 1.

    Raises:
        ConfigurationError: fewer than two items have persons enough.
    """
    subjects, items, strongest = _strongest(past)
    people = np.bincount(items, minlength=len(past.items))
    chosen = np.flatnonzero(people >= least)
    if len(chosen) > most:
        chosen = np.sort(chosen[np.argsort(-people[chosen], kind="stable")[:most]])
    if len(chosen) < 2:
        raise ConfigurationError(
            f"of {len(past.items):,} items {len(chosen)} were of {least} persons or more, and two are needed: wait for "
            "more interactions, or give `least` a smaller number"
        )
    rows = np.full(len(past.items), -1, np.int32)
    rows[chosen] = np.arange(len(chosen), dtype=np.int32)
    kept = rows[items] >= 0
    values = np.log2(1 + strongest[kept]) if weighted else np.ones(int(kept.sum()))
    matrix = sparse.csr_matrix(
        (values.astype(np.float32), (subjects[kept], rows[items[kept]])), shape=(past.people, len(chosen))
    )
    return FittedItems(tuple(past.items[item] for item in chosen), matrix)


def _strongest(past: Interactions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    pairs = past.subjects.astype(np.int64) * len(past.items) + past.item
    known, place = np.unique(pairs, return_inverse=True)
    strongest = np.zeros(len(known), np.float32)
    np.maximum.at(strongest, place, past.weights)
    return known // len(past.items), known % len(past.items), strongest
