"""What people turn to now: the liveliest items, by several half-lives in turn."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import Found


class Trending:
    """The first of each ranking by liveliness, then the second of each, and so on."""

    name: SourceName = "trending"

    def find(self, situation: Situation, count: int) -> Found:
        numbers = situation.online.liveliest()[:count]
        return Found(numbers, (1 / np.arange(1, len(numbers) + 1)).astype(np.float32))
