"""What the batch model thinks: trained over all of the past, swapped while serving."""

from headrace.recommend.batch_model import BoundFactors
from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found, Numbers, Scores, added_up, ranked

_MOST = 1_000


class Batch:
    """Item scores added up over a person's last items, or the best matches among the liveliest items by factors."""

    name: SourceName = "batch"

    def find(self, situation: Situation, count: int) -> Found:
        batch = situation.batch
        if batch is None or not len(situation.recent):
            return NOTHING
        if not isinstance(batch, BoundFactors):
            numbers, each = batch.neighbours(situation.recent, situation.weights)
            return ranked(*added_up(numbers, each), _MOST)
        pool = situation.online.pool()
        person = batch.person(situation.recent, situation.weights)
        if person is None or not len(pool):
            return NOTHING
        factors = batch

        def score(wanted: Numbers) -> Scores:
            return factors.matches(person, wanted)

        return ranked(pool, factors.pool_matches(person, pool), count, score)
