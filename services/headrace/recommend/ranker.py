"""The ranker's weights as they are served: those that were learned, or the first ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import RecommenderModel
from headrace.recommend.ranking_features import FEATURES

FIRST_WEIGHTS = {
    "lively_day": 0.6,
    "lively_week": 1.1,
    "popular": -0.3,
    "together_score": -1.3,
    "together_rank": 1.4,
    "sessions_rank": 1.8,
    "content_score": 4.2,
    "content_rank": 0.1,
    "factors_rank": -1.1,
    "batch_score": 0.5,
    "batch_rank": 0.5,
    "again": 2.0,
    "age": -0.5,
    "unknown": 0.2,
    "level_apart": -0.6,
    "week_new_person": 1.7,
    "week_in_session": -1.4,
    "together_in_session": 2.2,
    "popular_active": -0.7,
    "day_stranger": 0.8,
    "week_stranger": -0.9,
    "age_stranger": -0.9,
}
"""Where learning begins: a conditional logit over all candidates, on the first 60 % of MovieTweetings."""
FIRST_INTERCEPT = -4.0


def first_weights() -> NDArray[np.float64]:
    """The first weights, in the order of `FEATURES`."""
    return np.array([FIRST_WEIGHTS.get(name, 0.0) for name in FEATURES])


class Ranker:
    """A linear score: the log odds that a person who looks at an item in the first place turns to it."""

    def __init__(self, model: RecommenderModel | None) -> None:
        self.weights, self.intercept = first_weights(), FIRST_INTERCEPT
        if model is not None and model.weights:
            learned = dict(zip(model.features, model.weights, strict=True))
            self.weights = np.array([learned.get(name, 0.0) for name in FEATURES])
            self.intercept = model.intercept

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log odds, shape (candidates,)."""
        return features @ self.weights + self.intercept
