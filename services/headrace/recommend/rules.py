"""Business rules: what is boosted, buried, pinned or removed by what the catalogue says of an item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Item
from headrace.recommend.catalog import Catalog
from headrace.recommend.policy import Rule
from headrace.recommend.sources.found import Numbers


def pinned(rules: Sequence[Rule], catalog: Catalog) -> list[int]:
    """Items that rules pin by name, which are candidates whatever the sources find."""
    names = [item for rule in rules if rule.pin for item in rule.items]
    return [number for name in names if (number := catalog.find(name)) >= 0]


def matches(rule: Rule, catalog: Catalog, numbers: Numbers) -> NDArray[np.bool_]:
    """Which of the items a rule is about."""
    matched = np.ones(len(numbers), np.bool_)
    if rule.category is not None:
        code = catalog.known_code(rule.category)
        matched &= (catalog.category[numbers] == code) & (code >= 0)
    if rule.items:
        matched &= np.isin(numbers, [catalog.find(item) for item in rule.items])
    if rule.tag is not None or rule.attributes:
        for place in np.flatnonzero(matched).tolist():
            matched[place] = _has(catalog.item(int(numbers[place])), rule)
    return matched


def _has(item: Item | None, rule: Rule) -> bool:
    if item is None or (rule.tag is not None and rule.tag not in item.tags):
        return False
    return all(item.attributes.get(name) == value for name, value in rule.attributes.items())
