"""Which items may be recommended to somebody."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.catalog import Catalog
from headrace.recommend.policy import Filters
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import Numbers, outside


def allowed(situation: Situation, numbers: Numbers) -> NDArray[np.bool_]:
    """Which of the candidates, whose numbers rise, pass the policy's filters."""
    filters, catalog, ask = situation.ask.policy.filters, situation.catalog, situation.ask
    passed = np.ones(len(numbers), np.bool_)
    if filters.unlisted:
        passed &= catalog.listed[numbers]
    if filters.unavailable:
        passed &= catalog.available[numbers] | ~catalog.listed[numbers]
    if filters.age:
        age = ask.context.get("age")
        years = float(age) if isinstance(age, (int, float)) and not isinstance(age, bool) else 0.0
        passed &= catalog.min_age[numbers] <= years
    passed &= _category(catalog, filters, ask.context.get("category"), numbers)
    return passed & outside(numbers, _held_back(situation, filters))


def _category(catalog: Catalog, filters: Filters, asked: object, numbers: Numbers) -> NDArray[np.bool_]:
    passed = np.ones(len(numbers), np.bool_)
    only = (asked,) if isinstance(asked, str) else filters.only_categories
    if only:
        passed &= np.isin(catalog.category[numbers], _codes(catalog, only))
    if filters.not_categories:
        passed &= ~np.isin(catalog.category[numbers], _codes(catalog, filters.not_categories))
    return passed


def _codes(catalog: Catalog, categories: Iterable[str]) -> list[int]:
    # -1, the code of no category, must not stand for a category that no item has.
    return [code if (code := catalog.known_code(each)) >= 0 else -2 for each in categories]


def _held_back(situation: Situation, filters: Filters) -> list[int]:
    ask = situation.ask
    names = [*ask.exclude, *(() if ask.about is None else (ask.about,))]
    if ask.user is not None:
        names += [each.item for each in ask.user.recent if each.kind in filters.seen]
        if filters.bought:
            names += ask.user.bought
    return [number for name in names if (number := situation.catalog.find(name)) >= 0]
