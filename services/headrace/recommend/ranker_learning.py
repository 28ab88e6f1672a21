"""The ranker's weights, learned from what was shown and what came of it."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Exposure
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.ranker import FIRST_INTERCEPT, first_weights
from headrace.recommend.ranking_features import FEATURES

_UNSEEN = 0.25
"""What an item counts for that was answered but not reported as seen, and not turned to."""


class RankerState(msgspec.Struct, array_like=True):
    """All that was learned, as bytes where it is an array."""

    features: tuple[str, ...]
    numbers: bytes
    skipped: int


class RankerLearning:
    """Logistic regression by AdaGrad (Duchi, Hazan and Singer 2011), with a bias for each place.

    Whether somebody turns to an item depends on the place where it is: the odds are those of the item times those of
    the place, and only the item's are served (position as a feature, fixed when serving: Ling et al. 2017, Guo et al.
    2019). It does what `river.linear_model.LogisticRegression(optim.AdaGrad())` does, in a few array operations: there
    are ten exposures an answer, and River's dictionaries take several times as long with this many features.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._l2 = settings.ranker_l2
        self._positions = settings.positions
        self._first = first_weights()
        size = len(FEATURES)
        # One array, so that one operation moves them all: weights, intercept, places from the second on.
        self._numbers = np.concatenate((self._first, [FIRST_INTERCEPT], np.zeros(self._positions - 1)))
        self._rates = np.full(size + self._positions, settings.place_rate)
        self._rates[:size] = settings.ranker_rate
        self._squares = np.full(size + self._positions, 0.1)
        self._squares[:size] = settings.ranker_inertia
        self.skipped = 0

    def learn(self, exposure: Exposure) -> None:
        """Takes what came of an item; one whose features aren't today's is skipped and counted."""
        if len(exposure.features) != len(FEATURES):
            self.skipped += 1
            return
        features = np.array(exposure.features)
        if not np.isfinite(features).all():
            self.skipped += 1
            return
        size = len(features)
        place = min(max(exposure.position, 0), self._positions - 1)
        turned_to = exposure.reward > 0 or exposure.clicked
        logit = float((self._numbers[:size] * features).sum()) + float(self._numbers[size])
        if place:
            logit += float(self._numbers[size + place])
        error = _sigmoid(logit) - turned_to
        if not turned_to and exposure.seen is None:
            error *= _UNSEEN
        self._step(slice(0, size), error * features + self._l2 * (self._numbers[:size] - self._first))
        self._step(size, error)
        if place:
            self._step(size + place, error)

    def _step(self, where: slice | int, gradient: NDArray[np.float64] | float) -> None:
        self._squares[where] += gradient * gradient
        self._numbers[where] -= self._rates[where] * gradient / np.sqrt(self._squares[where])

    @property
    def weights(self) -> tuple[float, ...]:
        """In the order of `FEATURES`."""
        return tuple(self._numbers[: len(FEATURES)].tolist())

    @property
    def intercept(self) -> float:
        """Log odds in the first place where all features are 0."""
        return float(self._numbers[len(FEATURES)])

    @property
    def position_weights(self) -> tuple[float, ...]:
        """Log odds of each place beside the first."""
        return (0.0, *self._numbers[len(FEATURES) + 1 :].tolist())

    def state(self) -> RankerState:
        """What a snapshot holds."""
        return RankerState(FEATURES, np.concatenate((self._numbers, self._squares)).tobytes(), self.skipped)

    def restore(self, state: RankerState) -> None:
        """Takes a snapshot; features that are no more are left out, new ones begin with their first weights."""
        held = np.frombuffer(state.numbers, np.float64)
        numbers, squares = held[: len(held) // 2], held[len(held) // 2 :]
        size = len(state.features)
        for place, name in enumerate(FEATURES):
            if name in state.features:
                at = state.features.index(name)
                self._numbers[place], self._squares[place] = numbers[at], squares[at]
        have = min(len(numbers) - size, self._positions)
        self._numbers[len(FEATURES) :][:have] = numbers[size : size + have]
        self._squares[len(FEATURES) :][:have] = squares[size : size + have]
        self.skipped = state.skipped


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))
