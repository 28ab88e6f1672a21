"""A model that was trained over all of the past, in one of two forms, and its use beside a catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.catalog import NOWHERE, Catalog

Numbers = NDArray[np.intp]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ItemScores:
    """Which items each item speaks for, and how much, as EASE (Steck 2019) or item-kNN learn it.

    Attributes:
        version: in the registry.
        items: the items, by row.
        columns: rows of the items that each speaks for, shape (items, k), -1 for none.
        scores: how much, the same shape; they may be negative.
    """

    version: int
    items: tuple[str, ...]
    columns: NDArray[np.int32]
    scores: Scores


@dataclass(frozen=True, slots=True)
class ItemFactors:
    """Factors of items, as implicit ALS (Hu, Koren and Volinsky 2008) learns them; a person's are solved for.

    Attributes:
        version: in the registry.
        items: the items, by row.
        factors: shape (items, dimensions).
        alpha: what an interaction counts for beside what didn't happen.
        regularization: of a person's factors.
    """

    version: int
    items: tuple[str, ...]
    factors: Scores
    alpha: float
    regularization: float


BatchModel = ItemScores | ItemFactors


class _Rows:
    """The rows of a model ↔ a catalogue's numbers."""

    def __init__(self, items: tuple[str, ...], catalog: Catalog) -> None:
        self.numbers: Numbers = np.array([catalog.number(item) for item in items], np.intp)
        self._rows = np.full(len(catalog), NOWHERE, np.int32)
        self._rows[self.numbers] = np.arange(len(items))

    def of(self, numbers: Numbers) -> NDArray[np.int32]:
        """The rows of items, -1 for those that the model doesn't know."""
        found = np.full(len(numbers), NOWHERE, np.int32)
        known = numbers < len(self._rows)
        found[known] = self._rows[numbers[known]]
        return found


class BoundScores:
    """`ItemScores` over a catalogue."""

    def __init__(self, model: ItemScores, catalog: Catalog) -> None:
        self.version = model.version
        self._model = model
        self._rows = _Rows(model.items, catalog)

    def neighbours(self, recent: Numbers, weights: Scores) -> tuple[Numbers, Scores]:
        """What a person's items speak for: numbers, which may repeat, and scores."""
        rows = self._rows.of(recent)
        known = rows >= 0
        columns = self._model.columns[rows[known]]
        scores = self._model.scores[rows[known]] * weights[known, None]
        there = columns >= 0
        return self._rows.numbers[columns[there]], scores[there]


class BoundFactors:
    """`ItemFactors` over a catalogue."""

    def __init__(self, model: ItemFactors, catalog: Catalog) -> None:
        self.version = model.version
        self._model = model
        self._rows = _Rows(model.items, catalog)
        penalty = model.regularization * np.eye(model.factors.shape[1], dtype=np.float32)
        self._gram = model.factors.T @ model.factors + penalty
        self._pool: Numbers = np.zeros(0, np.intp)
        self._pool_factors: Scores = model.factors[:0]

    def person(self, recent: Numbers, weights: Scores) -> Scores | None:
        """The factors of a person by one step of ALS, None where no item is known."""
        rows = self._rows.of(recent)
        known = rows >= 0
        if not known.any():
            return None
        own = self._model.factors[rows[known]]
        confidence = self._model.alpha * weights[known, None]
        left = self._gram + own.T @ (own * confidence)
        solved: Scores = np.linalg.solve(left, (own * (1 + confidence)).sum(axis=0)).astype(np.float32)
        return solved

    def matches(self, person: Scores, numbers: Numbers) -> Scores:
        """How well items match a person's factors, 0 for items that the model doesn't know."""
        scores: Scores = self._factors(numbers) @ person
        return scores

    def pool_matches(self, person: Scores, pool: Numbers) -> Scores:
        """As `matches`; what it looks up is kept for as long as it is asked about the same array."""
        if pool is not self._pool:
            self._pool, self._pool_factors = pool, self._factors(pool)
        scores: Scores = self._pool_factors @ person
        return scores

    def _factors(self, numbers: Numbers) -> Scores:
        rows = self._rows.of(numbers)
        found = self._model.factors[rows]
        found[rows < 0] = 0
        return found


BoundBatch = BoundScores | BoundFactors


def bound(model: BatchModel, catalog: Catalog) -> BoundBatch:
    """A model whose rows are translated to a catalogue's numbers; its items get numbers where they have none."""
    return BoundScores(model, catalog) if isinstance(model, ItemScores) else BoundFactors(model, catalog)
