"""What came into the catalogue last: by this source exploration gets to know new items."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import Found


class Fresh:
    """The newest available items."""

    name: SourceName = "fresh"

    def find(self, situation: Situation, count: int) -> Found:
        numbers = situation.catalog.newest(count)
        return Found(numbers, (1 / np.arange(1, len(numbers) + 1)).astype(np.float32))
