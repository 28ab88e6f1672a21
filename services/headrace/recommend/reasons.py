"""Why an item is recommended, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from headrace.interactions.records import Kind
from headrace.recommend.ranking_features import FEATURES
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import Numbers

MOST = 2
"""Reasons of an item."""
_DID: Mapping[Kind, str] = {"purchase": "bought", "cart": "put in the cart", "rating": "rated"}
_AGAIN, _ALIKE, _CATEGORY, _UNKNOWN = map(FEATURES.index, ("again", "sessions_rank", "category", "unknown"))
_LIVELY = (
    (FEATURES.index("lively_hours"), -0.4, "popular right now"),
    (FEATURES.index("lively_day"), -0.5, "popular today"),
    (FEATURES.index("lively_week"), -0.6, "popular this week"),
)
_FALLBACK = {
    "factors": "fits what you turned to before",
    "batch": "fits what you turned to before",
    "content": "like what you turned to before",
    "together": "goes with what you turned to before",
    "sessions": "goes with what you turned to before",
    "rules": "picked for you",
}


class Reasoning:
    """Finds the reasons of the items of one answer, which are given by their places in it."""

    def __init__(self, situation: Situation, shown: Numbers) -> None:
        self._situation, self._shown = situation, shown
        self._causes = _causes(situation, shown)

    def of(self, place: int, source: str, explored: bool, features: Sequence[float], pinned: bool) -> tuple[str, ...]:
        """At most `MOST` reasons, the most telling first, never none."""
        if pinned:
            return ("picked for you",)
        found = tuple(islice(self._all(place, source, explored, features), MOST))
        return found or (_FALLBACK.get(source, "popular lately"),)

    def _all(self, place: int, source: str, explored: bool, features: Sequence[float]) -> Iterator[str]:
        if explored:
            yield "something new to try"
        if features[_AGAIN] > 0:
            yield "you turned to it before"
        if (cause := self._causes[place]) >= 0:
            yield self._because(cause)
        if features[_ALIKE] > 0.3:
            yield "people with your taste turned to it"
        if features[_CATEGORY] > 0.3:
            item = self._situation.catalog.item(int(self._shown[place]))
            if item is not None and item.category:
                yield f"more of {item.category}"
        for feature, least, words in _LIVELY:
            if features[feature] > least:
                yield words
                break
        if source == "fresh" or features[_UNKNOWN]:
            yield "new here"

    def _because(self, cause: int) -> str:
        catalog, ask = self._situation.catalog, self._situation.ask
        name, item = catalog.name(cause), catalog.item(cause)
        title = item.title if item is not None and item.title else name
        if name == ask.about:
            return f"goes with {title}"
        kinds = [each.kind for each in ask.user.recent if each.item == name] if ask.user is not None else []
        return f"because you {_DID.get(kinds[-1], 'viewed') if kinds else 'viewed'} {title}"


def _causes(situation: Situation, shown: Numbers) -> list[int]:
    """Of each shown item the one of the person's items that speaks most for it, -1 where none does."""
    recent, online = situation.recent, situation.online
    if not len(recent) or not len(shown):
        return [-1] * len(shown)
    spoken = online.closeness[recent] * situation.weights[:, None]
    each = np.where(online.neighbours[recent] == shown[:, None, None], spoken, 0).sum(axis=2)
    best = each.argmax(axis=1)
    causes: list[int] = np.where(each.max(axis=1) > 0, recent[best], -1).tolist()
    return causes
