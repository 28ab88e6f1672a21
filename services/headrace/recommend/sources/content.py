"""What is like a person's last items by category, tags and title: the way in for items that nobody knows yet."""

import numpy as np

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation
from headrace.recommend.sources.found import NOTHING, Found, Numbers, Scores, distinct, ranked
from headrace.recommend.tokens import TokenIndex

_TOKENS = 10
_PER_TOKEN = 30


class Content:
    """The newest items with the tokens that weigh most in a person's last items."""

    name: SourceName = "content"

    def find(self, situation: Situation, count: int) -> Found:
        if not len(situation.recent):
            return NOTHING
        tokens = situation.catalog.tokens
        codes, weights = _profile(tokens, situation)
        telling = codes[np.argsort(-weights, kind="stable")[:_TOKENS]]
        numbers = [number for code in telling.tolist() for number in tokens.newest_with(code, _PER_TOKEN)]
        if not numbers:
            return NOTHING
        length = float(np.sqrt((weights**2).sum())) or 1.0
        # Dense, so that an item's tokens are looked up at once.
        dense = np.zeros(tokens.size, np.float32)
        dense[codes] = weights * tokens.weights()[codes] / length

        def score(wanted: Numbers) -> Scores:
            cosines: Scores = dense[tokens.of(wanted)].sum(axis=1) / tokens.lengths(wanted)
            return cosines

        found = distinct(np.array(numbers, np.intp))
        return ranked(found, score(found), count, score)


def _profile(tokens: TokenIndex, situation: Situation) -> tuple[Numbers, Scores]:
    """The tokens of the person's items and what each weighs, every item's vector being of length one."""
    rows = tokens.of(situation.recent)
    each = (situation.weights / tokens.lengths(situation.recent))[:, None] * tokens.weights()[rows]
    there = rows > 0
    found = rows[there].astype(np.intp)
    codes = distinct(found)
    return codes, np.bincount(np.searchsorted(codes, found), each[there], len(codes)).astype(np.float32)
