"""Answers: candidates of all sources → filters → ranker → rules and diversity → exploration → reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import RecommenderModel
from headrace.recommend.asked import Ask, Recommended, RecommendedItem
from headrace.recommend.batch_model import BatchModel, BoundBatch, bound
from headrace.recommend.catalog import Catalog
from headrace.recommend.diversity import chosen
from headrace.recommend.exploration import chosen_candidate, chosen_source, explored_place
from headrace.recommend.filters import allowed
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.policy import SourceName
from headrace.recommend.ranker import Ranker
from headrace.recommend.ranking_features import FeatureTable
from headrace.recommend.reasons import Reasoning
from headrace.recommend.rules import matches, pinned
from headrace.recommend.session_index import SessionIndex
from headrace.recommend.situation import Situation, situation_of
from headrace.recommend.sources.again import Again
from headrace.recommend.sources.batch import Batch
from headrace.recommend.sources.content import Content
from headrace.recommend.sources.factors import Factors
from headrace.recommend.sources.found import NOTHING, Numbers, Source, distinct
from headrace.recommend.sources.fresh import Fresh
from headrace.recommend.sources.neighbours import SessionNeighbours
from headrace.recommend.sources.together import Together
from headrace.recommend.sources.trending import Trending

_PIN = 1e6
_DECIMALS = 6
"""Of a feature as it is told: an answer is half as long as with all, in its topic and while it is open."""


@dataclass(slots=True)
class Candidates:
    """What is ranked.

    Attributes:
        numbers: the candidates that may be shown, rising.
        features: shape (candidates, `FEATURES`).
        own: each source's candidates, the best first, whether they may be shown or not.
    """

    situation: Situation
    numbers: Numbers
    features: NDArray[np.float64]
    sources: Sequence[Source]
    own: Sequence[Numbers]

    def sources_of(self, shown: Numbers) -> list[str]:
        """Of each item the source that put it highest, the earlier one of equals; `rules` where none did."""
        sizes = [len(numbers) for numbers in self.own]
        # All first candidates come before all second ones.
        keys = np.concatenate([np.arange(size) * len(sizes) + place for place, size in enumerate(sizes)])
        if not len(keys):
            return ["rules"] * len(shown)
        none = int(keys.max()) + 1
        best = np.where(np.concatenate(self.own) == shown[:, None], keys, none).min(axis=1).tolist()
        return ["rules" if key == none else self.sources[key % len(sizes)].name for key in best]

    def places(self, source: str) -> list[int]:
        """Where a source's candidates are among those that may be shown, the best first."""
        for each, numbers in zip(self.sources, self.own, strict=True):
            if each.name == source and len(self.numbers):
                at = np.minimum(np.searchsorted(self.numbers, numbers), len(self.numbers) - 1)
                places: list[int] = at[self.numbers[at] == numbers].tolist()
                return places
        return []


class _GivenAway(NamedTuple):
    """A place of an answer, the candidate that gets it, and whose it is."""

    place: int
    candidate: int
    source: SourceName


class Recommender:
    """Recommends items of one site from what it has in memory. One thread at a time.

    Args:
        catalog: the items.
        online: what is learned online, over the same catalogue.
        sessions: the last sessions, over the same catalogue.
        batch: the batch model, if there is one.
        sources: in place of the usual ones.
    """

    def __init__(
        self,
        catalog: Catalog,
        online: OnlineModel,
        sessions: SessionIndex,
        batch: BatchModel | None = None,
        sources: Sequence[Source] | None = None,
    ) -> None:
        self._catalog, self._online, self._sessions = catalog, online, sessions
        self._batch: BoundBatch | None = None
        self._sources = tuple(
            sources
            if sources is not None
            else (Again(), Together(), SessionNeighbours(), Batch(), Factors(), Content(), Trending(), Fresh())
        )
        self._table = FeatureTable()
        self._ranker = Ranker(None)
        self._ranker_of: RecommenderModel | None = None
        self.swap_batch(batch)

    def swap_batch(self, batch: BatchModel | None) -> None:
        """Serves another batch model, or none, from the next question on."""
        self._batch = None if batch is None else bound(batch, self._catalog)

    def recommend(self, ask: Ask) -> Recommended:
        """The items to show; fewer than asked for only where no more may be shown."""
        return self.answer(self.candidates(ask))

    def candidates(self, ask: Ask) -> Candidates:
        """All that may be shown with its features, before ranking."""
        situation = situation_of(ask, self._catalog, self._online, self._sessions, self._batch)
        self._online.cover(len(self._catalog))
        counts = ask.policy.sources
        found = [
            source.find(situation, counts[source.name]) if source.name in counts else NOTHING
            for source in self._sources
        ]
        own = [each.numbers[: counts.get(source.name, 0)] for source, each in zip(self._sources, found, strict=True)]
        pins = pinned(ask.policy.rules, self._catalog)
        numbers = distinct(np.concatenate([*own, np.array(pins, np.intp)]))
        numbers = numbers[allowed(situation, numbers)]
        features = self._table.of(situation, numbers, self._sources, found)
        return Candidates(situation, numbers, features, self._sources, own)

    def answer(self, candidates: Candidates) -> Recommended:
        """Ranks candidates and chooses among them."""
        situation, numbers = candidates.situation, candidates.numbers
        ask, model = situation.ask, self._online.model
        if model is not self._ranker_of:
            self._ranker, self._ranker_of = Ranker(model), model
        boosts, keep, pins = self._rules(situation, numbers)
        scores = self._ranker.scores(candidates.features) + boosts
        placed = scores + _PIN * pins
        order = np.lexsort((numbers, -placed))
        order = order[keep[order]]
        chosen_ones = chosen(ask.policy.diversity, self._catalog, numbers[order], placed[order], ask.count)
        shown = order[chosen_ones].tolist()
        given = self._given_away(ask, candidates, shown, keep & ~pins)
        if given is not None:
            shown[given.place] = given.candidate
        items = self._items(candidates, shown, scores, pins, given)
        return Recommended(items, self._versions(), self._degraded(ask))

    def _items(
        self,
        candidates: Candidates,
        shown: list[int],
        scores: NDArray[np.float64],
        pins: NDArray[np.bool_],
        given: _GivenAway | None,
    ) -> tuple[RecommendedItem, ...]:
        """What is shown, with sources and reasons."""
        numbers = candidates.numbers[shown]
        sources = candidates.sources_of(numbers)
        if given is not None:
            sources[given.place] = given.source
        reasoning = Reasoning(candidates.situation, numbers)
        rows = candidates.features[shown].round(_DECIMALS).tolist()
        worth, pinned_ones = scores[shown].tolist(), pins[shown].tolist()
        items = []
        for place, (number, row) in enumerate(zip(numbers.tolist(), rows, strict=True)):
            explored = given is not None and place == given.place
            reasons = reasoning.of(place, sources[place], explored, row, pinned_ones[place])
            name = self._catalog.name(number)
            items.append(RecommendedItem(name, worth[place], sources[place], explored, reasons, tuple(row)))
        return tuple(items)

    def _rules(
        self, situation: Situation, numbers: Numbers
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Of each candidate: its boost, whether it stays, whether it is pinned."""
        boosts = np.zeros(len(numbers))
        keep, pins = np.ones(len(numbers), np.bool_), np.zeros(len(numbers), np.bool_)
        for rule in situation.ask.policy.rules:
            about = matches(rule, self._catalog, numbers)
            boosts += rule.boost * about
            if rule.remove:
                keep &= ~about
            if rule.pin:
                pins |= about
        return boosts, keep, pins

    def _given_away(
        self, ask: Ask, candidates: Candidates, shown: list[int], free: NDArray[np.bool_]
    ) -> _GivenAway | None:
        """The place that is given away, to what; None in most answers."""
        exploration = ask.policy.exploration
        if not exploration.rate:
            return None
        random = Random(ask.seed)  # noqa: S311 (a choice that can be repeated, no secret)
        place = explored_place(exploration, random, len(shown))
        if place is None or not free[shown[place]]:
            return None
        taken = set(shown)
        offers = {
            name: [each for each in candidates.places(name) if each not in taken and free[each]]
            for name in exploration.sources
        }
        source = chosen_source(exploration, self._online.model, offers, random)
        if source is None:
            return None
        return _GivenAway(place, chosen_candidate(source, offers[source], random), source)

    def _versions(self) -> dict[str, int]:
        versions = {"online": self._online.version}
        if self._batch is not None:
            versions["batch"] = self._batch.version
        return versions

    def _degraded(self, ask: Ask) -> tuple[str, ...]:
        away = []
        if self._online.model is None:
            away.append("online")
        if self._batch is None and "batch" in ask.policy.sources:
            away.append("batch")
        return tuple(away)
