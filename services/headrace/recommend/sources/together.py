"""What goes with a person's last items, by how often the same people turned to both."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found, added_up, ranked

_MOST = 1_000


class Together:
    """Items beside a person's last items, as the online model publishes them."""

    name: SourceName = "together"

    def find(self, situation: Situation, count: int) -> Found:
        online = situation.online
        if not len(situation.recent) or not len(online.neighbours):
            return NOTHING
        online.cover(int(situation.recent.max()) + 1)
        numbers = online.neighbours[situation.recent]
        scores = online.closeness[situation.recent] * situation.weights[:, None]
        there = numbers >= 0
        found, sums = added_up(numbers[there].astype(np.intp), scores[there])
        return ranked(found, sums, _MOST)
