"""What candidates are ranked by: one row of numbers a candidate, the same live, in records and in evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.half_lives import DAY
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import Found, Numbers, Source

SCORED = ("together", "sessions", "content", "factors", "batch")
"""Sources whose scores the ranker sees."""
FEATURES = (
    "lively_hours",
    "lively_day",
    "lively_week",
    "lively_month",
    "popular",
    *(f"{name}_{what}" for name in SCORED for what in ("score", "rank")),
    "again",
    "age",
    "unknown",
    "category",
    "level_apart",
    "week_new_person",
    "week_in_session",
    "together_in_session",
    "popular_active",
    "day_stranger",
    "week_stranger",
    "month_stranger",
    "age_stranger",
)
"""The features in their order. Changing it makes the weights that were learned void: they go by these names."""
_FLOOR = -12.0
_RANKS = 10.0


class FeatureTable:
    """Computes the features of candidates; keeps arrays as long as the catalogue, so as not to make them each time."""

    def __init__(self) -> None:
        self._scratch = np.zeros(0, np.float32)

    def of(
        self, situation: Situation, numbers: Numbers, sources: Sequence[Source], found: Sequence[Found]
    ) -> NDArray[np.float64]:
        """Features of candidates, shape (candidates, `FEATURES`)."""
        table = np.zeros((len(FEATURES), len(numbers)))
        columns = dict(zip(FEATURES, table, strict=True))
        self._liveliness(situation, numbers, columns)
        for source, each in zip(sources, found, strict=True):
            if source.name in SCORED:
                self._scores(situation, numbers, source, each, columns)
        self._person(situation, numbers, columns)
        return table.T

    def _liveliness(self, situation: Situation, numbers: Numbers, columns: dict[str, NDArray[np.float64]]) -> None:
        online, now = situation.online, situation.ask.now
        lively = online.lively[numbers] - now / online.half_lives
        for place, name in enumerate(("lively_hours", "lively_day", "lively_week", "lively_month")):
            top = online.top(place)
            best = online.lively[top[0], place] - now / online.half_lives[place] if len(top) else 0.0
            columns[name][:] = np.maximum(lively[:, place] - best, _FLOOR) / 4
        columns["popular"][:] = np.log1p(online.count[numbers]) / 4
        first = online.first_seen[numbers]
        columns["unknown"][:] = first == 0
        born = np.where(first > 0, first, situation.catalog.created[numbers])
        columns["age"][:] = np.log1p(np.maximum(now - born, 0) / DAY) / 4

    def _scores(
        self,
        situation: Situation,
        numbers: Numbers,
        source: Source,
        found: Found,
        columns: dict[str, NDArray[np.float64]],
    ) -> None:
        if found.score is not None:
            scores = found.score(numbers)
        else:
            scores = self._looked_up(situation, numbers, found.numbers, found.scores)
        best = float(found.scores[0]) if len(found.scores) else 0.0
        if best > 0:
            columns[f"{source.name}_score"][:] = np.clip(scores / best, -1, 1)
        ranks = (1 / (1 + np.arange(len(found.numbers)) / _RANKS)).astype(np.float32)
        columns[f"{source.name}_rank"][:] = self._looked_up(situation, numbers, found.numbers, ranks)

    def _person(self, situation: Situation, numbers: Numbers, columns: dict[str, NDArray[np.float64]]) -> None:
        catalog, recent = situation.catalog, situation.recent
        history = situation.history
        values = (1 / (1 + np.arange(len(history)) / _RANKS)).astype(np.float32)
        columns["again"][:] = self._looked_up(situation, numbers, history, values)
        week, month = columns["lively_week"], columns["lively_month"]
        if len(recent):
            weights = situation.weights / max(float(situation.weights.sum()), 1e-9)
            shares = np.bincount(catalog.category[recent] + 1, weights, catalog.categories + 1)
            shares[0] = 0
            columns["category"][:] = shares[catalog.category[numbers] + 1]
            online = situation.online
            top = online.top(3)
            levels = online.lively[recent, 3] - (online.lively[top[0], 3] if len(top) else 0.0)
            level = float(np.maximum(levels, _FLOOR) @ weights) / 4
            columns["level_apart"][:] = np.abs(month - level)
        columns["week_new_person"][:] = week / (1 + situation.activity)
        columns["week_in_session"][:] = week * situation.in_session
        columns["together_in_session"][:] = columns["together_score"] * situation.in_session
        if not len(recent):
            for name in ("day", "week", "month"):
                columns[f"{name}_stranger"][:] = columns[f"lively_{name}"]
            columns["age_stranger"][:] = columns["age"]
        columns["popular_active"][:] = columns["popular"] * situation.activity / 4

    def _looked_up(
        self, situation: Situation, numbers: Numbers, found: Numbers, values: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        if len(self._scratch) < len(situation.catalog):
            self._scratch = np.zeros(2 * len(situation.catalog), np.float32)
        self._scratch[found] = values
        looked_up = self._scratch[numbers]
        self._scratch[found] = 0
        return looked_up
