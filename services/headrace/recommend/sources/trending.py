"""What people turn to now: the liveliest items, by several half-lives in turn."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found


class Trending:
    """The first of each ranking by liveliness, then the second of each, and so on."""

    name: SourceName = "trending"

    def find(self, situation: Situation, count: int) -> Found:
        online = situation.online
        tops = [online.top(each) for each in range(len(online.half_lives))]
        longest = max(map(len, tops))
        if not longest:
            return NOTHING
        share = min(longest, count)
        laid = np.full((share, len(tops)), -1, np.intp)
        for column, top in enumerate(tops):
            laid[: min(share, len(top)), column] = top[:share]
        flat = laid.ravel()
        _, first = np.unique(flat, return_index=True)
        numbers = flat[np.sort(first)]
        numbers = numbers[numbers >= 0][:count]
        return Found(numbers, (1 / np.arange(1, len(numbers) + 1)).astype(np.float32))
