"""The reading side of the model that learns from everybody: what was published of each item, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import ItemModel, RecommenderModel
from headrace.recommend.catalog import Catalog
from headrace.recommend.growing import grown
from headrace.recommend.half_lives import HALF_LIVES

NEIGHBOURS = 50
"""Neighbours that an item has at most."""
POOL = 2_000
"""The liveliest items, among which a vector's best matches are looked for."""
TOP = 400
"""Items of each ranking by liveliness."""


class OnlineModel:
    """What `recommendations.items` and `recommendations.models` say of one site.

    A decayed count c of time u is kept as log2(c) + u / half-life: this doesn't change as time passes, so that the
    order of the items doesn't either (forward decay, Cormode et al. 2009).

    Attributes:
        model: the newest version, None before the first.
        count: interactions, shape (numbers,); this and the rest may be longer than the catalogue.
        lively: forward-decayed counts, shape (numbers, half-lives), -inf for none.
        neighbours: numbers of neighbours, shape (numbers, NEIGHBOURS), -1 for none; `closeness` are their scores.
        vectors: factors, shape (numbers, dimensions); `biases` beside them.
        first_seen: microseconds, 0 for never.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.model: RecommenderModel | None = None
        self.half_lives = np.array(HALF_LIVES)
        self.count = np.zeros(0)
        self.first_seen = np.zeros(0, np.int64)
        self.lively = np.zeros((0, len(HALF_LIVES)))
        self.neighbours = np.zeros((0, NEIGHBOURS), np.int32)
        self.closeness = np.zeros((0, NEIGHBOURS), np.float32)
        self.vectors = np.zeros((0, 0), np.float32)
        self.biases = np.zeros(0, np.float32)
        self._tops: list[NDArray[np.intp]] | None = None
        self._liveliest: NDArray[np.intp] | None = None
        self._pool: NDArray[np.intp] | None = None
        self._pool_vectors: NDArray[np.float32] | None = None

    @property
    def version(self) -> int:
        """The newest version, 0 before the first."""
        return self.model.version if self.model is not None else 0

    def apply_item(self, item: ItemModel) -> None:
        """Takes what is published of an item; rankings change with the next `apply_version`.

        An item that the model let go, and one more than there is room for, gets no number.
        """
        catalog = self._catalog
        number = catalog.number_if_room(item.item) if item.count > 0 else catalog.find(item.item)
        if number < 0:
            return
        self.cover(number + 1)
        self.count[number] = item.count
        self.first_seen[number] = item.first_seen
        self.biases[number] = item.bias
        self.lively[number] = -np.inf
        if item.count > 0:
            decayed = np.log2(np.maximum(item.decayed, 1e-300))
            self.lively[number, : len(decayed)] = (decayed + item.updated / self.half_lives)[: self.lively.shape[1]]
        self._set_neighbours(number, item)
        if item.vector:
            if self.vectors.shape[1] != len(item.vector):
                self.vectors = np.zeros((len(self.count), len(item.vector)), np.float32)
            self.vectors[number] = item.vector

    def apply_version(self, model: RecommenderModel) -> None:
        """Takes a version, after the items that changed with it."""
        self.model = model
        self._tops = self._liveliest = self._pool = self._pool_vectors = None

    def cover(self, size: int) -> None:
        """Makes room for `size` numbers."""
        if len(self.count) >= size:
            return
        self.count = grown(self.count, size, 0)
        self.first_seen = grown(self.first_seen, size, 0)
        self.lively = grown(self.lively, size, -np.inf)
        self.neighbours = grown(self.neighbours, size, -1)
        self.closeness = grown(self.closeness, size, 0)
        self.vectors = grown(self.vectors, size, 0)
        self.biases = grown(self.biases, size, 0)

    def top(self, half_life: int) -> NDArray[np.intp]:
        """The liveliest items by the half-life of a place in `half_lives`, the liveliest first."""
        if self._tops is None:
            self._tops = [_best(self.lively[:, each], TOP) for each in range(self.lively.shape[1])]
        return self._tops[half_life]

    def liveliest(self) -> NDArray[np.intp]:
        """The first of each ranking by liveliness, then the second of each, and so on; each item once."""
        if self._liveliest is None:
            tops = [self.top(each) for each in range(len(self.half_lives))]
            laid = np.full((max(map(len, tops)), len(tops)), -1, np.intp)
            for column, top in enumerate(tops):
                laid[: len(top), column] = top
            flat = laid.ravel()
            _, first = np.unique(flat, return_index=True)
            numbers = flat[np.sort(first)]
            self._liveliest = numbers[numbers >= 0]
        return self._liveliest

    def pool(self) -> NDArray[np.intp]:
        """The numbers of the liveliest items by the longest half-life, rising."""
        if self._pool is None:
            self._pool = np.sort(_best(self.lively[:, -1], POOL))
        return self._pool

    def pool_vectors(self) -> NDArray[np.float32]:
        """The factors of `pool`, shape (pool, dimensions)."""
        if self._pool_vectors is None:
            self._pool_vectors = self.vectors[self.pool()]
        return self._pool_vectors

    def _set_neighbours(self, number: int, item: ItemModel) -> None:
        # Numbers first: they may make the arrays grow.
        each = [(self._catalog.number_if_room(one.item), one.score) for one in item.neighbours[:NEIGHBOURS]]
        found = [(other, score) for other, score in each if other >= 0]
        self.cover(len(self._catalog))
        self.neighbours[number] = -1
        self.closeness[number] = 0
        self.neighbours[number, : len(found)] = [other for other, _ in found]
        self.closeness[number, : len(found)] = [score for _, score in found]


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Numbers of the highest scores above -inf, the highest first, ties by number."""
    numbers = np.flatnonzero(scores > -np.inf)
    found = scores[numbers]
    if len(numbers) > count:
        kept = np.argpartition(-found, count)[:count]
        numbers, found = numbers[kept], found[kept]
    return numbers[np.lexsort((numbers, -found))]
