"""What matches a person's last items by factors that are learned online."""

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found, Numbers, Scores, ranked


class Factors:
    """The best matches among the liveliest items.

    An item's vector is how it speaks for others, then how others speak for it; a person is the weighted mean of the
    first halves of the last items.
    """

    name: SourceName = "factors"

    def find(self, situation: Situation, count: int) -> Found:
        online = situation.online
        half = online.vectors.shape[1] // 2
        total = float(situation.weights.sum())
        pool = online.pool()
        if not half or not total or not len(pool):
            return NOTHING
        person = situation.weights @ online.vectors[situation.recent, :half] / total

        def score(wanted: Numbers) -> Scores:
            return online.vectors[wanted, half:] @ person

        return ranked(pool, online.pool_vectors()[:, half:] @ person, count, score)
