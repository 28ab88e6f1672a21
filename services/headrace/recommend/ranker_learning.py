"""The ranker's weights, learned from what was shown and what came of it."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Exposure
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.ranker import FIRST_INTERCEPT, first_weights
from headrace.recommend.ranking_features import FEATURES

_LARGEST = 1e6
"""Of a feature: far above what any is, and nothing that can't be squared."""
_UNSEEN = 0.25
"""What an item counts for that was answered but not reported as seen, and not turned to."""
_MOST_ODDS = 50.0
_MOST_SHOWN = 200
"""Items that are compared at once; more of one answer are compared in parts."""


class Shown(msgspec.Struct, array_like=True, gc=False):
    """What came of an item that waits for the others of its answer."""

    features: tuple[float, ...]
    place: int
    turned_to: bool
    seen: bool


class RankerState(msgspec.Struct, array_like=True):
    """All that was learned, as bytes where it is an array, and what came of the answer that isn't learned yet."""

    features: tuple[str, ...]
    numbers: bytes
    skipped: int
    made: int = 0
    shown: list[Shown] = []


class RankerLearning:
    """A conditional logit (McFadden 1974) by AdaGrad (Duchi, Hazan and Singer 2011), with a bias for each place.

    An answer is a choice among what it showed: the weights say why people turned to one item and not to those beside
    it. How probable it is that they turn to anything is for the intercept alone. A logistic regression of each item
    for itself has to explain both with the same weights; on the first 60 % of MovieTweetings it unlearned what the
    first weights knew. A part of a choice is a choice as well (independence of irrelevant alternatives), so it does no
    harm where another answer comes amid one.

    Whether somebody turns to an item depends on the place where it is: its odds are those of the item times those of
    the place, and only the item's are served (position as a feature, fixed when serving: Ling et al. 2017, Guo et al.
    2019).
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._l2 = settings.ranker_l2
        self._positions = settings.positions
        self._first = first_weights()
        size = len(FEATURES)
        # One array, as it is kept: weights, intercept, places from the second on.
        self._numbers = np.concatenate((self._first, [FIRST_INTERCEPT], np.zeros(self._positions - 1)))
        self._rates = np.full(size + self._positions, settings.place_rate)
        self._rates[:size] = settings.ranker_rate
        self._squares = np.full(size + self._positions, 0.1)
        self._squares[:size] = settings.ranker_inertia
        self._made = 0
        self._shown: list[Shown] = []
        self.skipped = 0

    def learn(self, exposure: Exposure) -> None:
        """Takes what came of an item; it is learned with its answer's others, which come after it in rising places.

        One with another number of features, or absurd ones, is skipped and counted.
        """
        if len(exposure.features) != len(FEATURES) or not all(
            -_LARGEST <= each <= _LARGEST for each in exposure.features
        ):
            self.skipped += 1
            return
        last = self._shown[-1].place if self._shown else -1
        if exposure.made != self._made or exposure.position <= last or len(self._shown) >= _MOST_SHOWN:
            self._learn_answer()
        turned_to = exposure.reward > 0 or exposure.clicked
        self._made = exposure.made
        self._shown.append(Shown(exposure.features, max(exposure.position, 0), turned_to, exposure.seen is not None))

    def _learn_answer(self) -> None:
        """Learns from what came of an answer, and waits for the next."""
        shown, self._shown = self._shown, []
        if not shown:
            return
        size = len(FEATURES)
        features = np.array([each.features for each in shown])
        places = np.minimum([each.place for each in shown], self._positions - 1)
        turned_to = np.array([each.turned_to for each in shown], np.float64)
        counts = np.array([1.0 if each.seen or each.turned_to else _UNSEEN for each in shown])
        # Of the first place there is no bias; what stands there in its stead is not used.
        odds = (features * self._numbers[:size]).sum(axis=1)
        odds += np.where(places > 0, self._numbers[size + places], 0.0)
        if turned_to.any():
            expected = counts * np.exp(odds - odds.max())
            errors = expected / expected.sum() - turned_to / turned_to.sum()
            gradient = (errors[:, None] * features).sum(axis=0)
            self._step(slice(0, size), gradient + self._l2 * (self._numbers[:size] - self._first))
            by_place: NDArray[np.float64] = np.bincount(places, errors, self._positions).astype(np.float64)
            self._step(slice(size + 1, None), by_place[1:])
        probable = 1 / (1 + np.exp(-np.clip(odds + self._numbers[size], -_MOST_ODDS, _MOST_ODDS)))
        self._step(size, float((counts * (probable - turned_to)).sum()))

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
        numbers = np.concatenate((self._numbers, self._squares)).tobytes()
        return RankerState(FEATURES, numbers, self.skipped, self._made, list(self._shown))

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
        # Of other features nothing can be learned any more.
        self._made, self._shown = state.made, list(state.shown) if state.features == FEATURES else []
