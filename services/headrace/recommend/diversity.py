"""Choosing an answer's items so that they aren't all of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.catalog import Catalog
from headrace.recommend.policy import Diversity
from headrace.recommend.sources.found import Numbers

_LOOKED_AT = 60


def chosen(
    diversity: Diversity, catalog: Catalog, numbers: Numbers, scores: NDArray[np.float64], count: int
) -> list[int]:
    """Places of the items to show among candidates that are in falling order of score, the first place first."""
    order: Iterable[int] = range(len(numbers))
    if diversity.likeness_cost:
        order = _apart(diversity.likeness_cost, catalog, numbers, scores, count)
    if not diversity.most_per_category:
        return list(islice(order, count))
    kept: list[int] = []
    spare: list[int] = []
    have: dict[int, int] = {}
    for place in order:
        category = int(catalog.category[numbers[place]])
        if category >= 0 and have.get(category, 0) >= diversity.most_per_category:
            spare.append(place)
            continue
        have[category] = have.get(category, 0) + 1
        kept.append(place)
        if len(kept) == count:
            break
    return (kept + spare)[:count]


def _apart(cost: float, catalog: Catalog, numbers: Numbers, scores: NDArray[np.float64], count: int) -> Iterator[int]:
    """Maximal marginal relevance over the first candidates, as far as anybody goes on; the rest follows as it is."""
    looked_at = min(len(numbers), max(_LOOKED_AT, 2 * count))
    head = numbers[:looked_at]
    tokens = catalog.tokens
    rows, lengths, weights = tokens.of(head), tokens.lengths(head), tokens.squares()
    profile = np.zeros(len(weights), np.float32)
    worth = scores[:looked_at].copy()
    likeness = np.zeros(looked_at)
    given: set[int] = set()
    for _ in range(min(looked_at, 3 * count)):
        place = int(np.argmax(worth - cost * likeness))
        given.add(place)
        yield place
        worth[place] = -np.inf
        profile[rows[place]] = weights[rows[place]]
        alike = profile[rows].sum(axis=1) / (lengths * lengths[place])
        profile[rows[place]] = 0
        np.maximum(likeness, alike, out=likeness)
    yield from (place for place in range(len(numbers)) if place not in given)
