"""What people whose last items resemble a person's turned to: vector session kNN (Ludewig and Jannach 2018)."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found, added_up, outside, ranked

_RECENT = 10
_ALIKE = 100
_MOST = 1_000


class SessionNeighbours:
    """Items of the entries of the session index that share most with a person's last items."""

    name: SourceName = "sessions"

    def find(self, situation: Situation, count: int) -> Found:
        index = situation.sessions
        recent, weights = situation.recent[:_RECENT], situation.weights[:_RECENT]
        slots, having = index.with_items(recent)
        if not len(slots):
            return NOTHING
        # An item that is rare among the entries says more about who has it.
        rarity = np.log1p(len(index) / np.maximum(np.bincount(having, minlength=len(recent)), 1))
        slots, likeness = added_up(slots, (weights * rarity).astype(np.float32)[having])
        likeness /= np.sqrt(index.sizes[slots]).astype(np.float32)
        own = index.slot_of(situation.ask.user.subject) if situation.ask.user is not None else None
        if own is not None:
            likeness[slots == own] = 0
        alike = ranked(slots, likeness, _ALIKE)
        items = index.items[alike.numbers]
        scores = np.broadcast_to(alike.scores[:, None], items.shape)
        there = (items >= 0) & (scores > 0)
        found, sums = added_up(items[there].astype(np.intp), scores[there])
        # What the person has is for the source `again` to give.
        new = outside(found, situation.recent)
        return ranked(found[new], sums[new], _MOST)
