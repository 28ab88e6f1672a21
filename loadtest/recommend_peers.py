"""What the system is measured against: popularity, decayed popularity, item-kNN, EASE and implicit ALS.

Each knows all that a person ever did. Those that are trained anew are so on everything learned up to then; a list with
fewer than ten items is filled up with the decayed popularity, which is what people without a past are shown.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from headrace.recommend.half_lives import DAY
from loadtest.recommend_data import Moment
from loadtest.recommend_judge import TEN


class Interactions:
    """Everybody's items so far, shared by all peers."""

    def __init__(self, items: tuple[str, ...], again: bool) -> None:
        self.items = items
        self.number = {item: number for number, item in enumerate(items)}
        self.again = again
        self.counts = np.zeros(len(items))
        self._of: dict[str, dict[int, None]] = defaultdict(dict)

    def learn(self, moment: Moment) -> None:
        """Takes what somebody did."""
        self.follow(moment)
        for each in moment.interactions:
            if each.item is not None:
                self.counts[self.number[each.item]] += 1

    def follow(self, moment: Moment) -> None:
        """Takes it into the person's past alone, and into no item's counts."""
        own = self._of[moment.subject]
        for each in moment.interactions:
            if each.item is not None:
                number = self.number[each.item]
                own.pop(number, None)
                own[number] = None

    def of(self, subject: str) -> list[int]:
        """A person's items, the newest last."""
        return list(self._of.get(subject, ()))

    def hidden(self, subject: str) -> list[int]:
        """What isn't recommended to a person."""
        return [] if self.again else self.of(subject)

    def matrix(self) -> sparse.csr_matrix:
        """People × items, 1 where there was something."""
        rows = [row for row, own in enumerate(self._of.values()) for _ in own]
        columns = [number for own in self._of.values() for number in own]
        return sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), shape=(len(self._of), len(self.items))
        )


class Peer(Protocol):
    """One contender."""

    def scores(self, subject: str, time: int) -> NDArray[np.float64] | None:
        """Of all items, 0 or below where it has nothing to say; None where it knows nothing of the person."""
        ...

    def learn(self, moment: Moment) -> None:
        """Takes what somebody did, after `Interactions` did."""
        ...


class Popularity:
    """How many interactions an item had."""

    def __init__(self, past: Interactions) -> None:
        self._past = past

    def scores(self, subject: str, time: int) -> NDArray[np.float64] | None:
        return self._past.counts

    def learn(self, moment: Moment) -> None:
        return


class DecayedPopularity:
    """The same, fading with a half-life of so many days."""

    def __init__(self, past: Interactions, half_life: float) -> None:
        self._past, self._half_life = past, half_life * DAY
        self._counts = np.zeros(len(past.items))
        self._since: int | None = None

    def scores(self, subject: str, time: int) -> NDArray[np.float64] | None:
        return self._counts

    def learn(self, moment: Moment) -> None:
        self._since = moment.time if self._since is None else self._since
        weight = 2.0 ** ((moment.time - self._since) / self._half_life)
        if weight > 1e100:
            self._counts /= weight
            self._since, weight = moment.time, 1.0
        for each in moment.interactions:
            if each.item is not None:
                self._counts[self._past.number[each.item]] += weight


class Trained:
    """A model of item scores or factors that is trained anew every so many days of the stream."""

    def __init__(self, past: Interactions, every_days: float) -> None:
        self.past, self._every = past, every_days * DAY
        self._trained: float | None = None
        self.trainings = 0

    def learn(self, moment: Moment) -> None:
        if self._trained is None:
            self._trained = moment.time
        elif moment.time - self._trained >= self._every:
            self.train()
            self._trained = moment.time

    def train(self) -> None:
        """Learns all of the past."""
        known = np.flatnonzero(self.past.counts >= self.least())
        if len(known) >= TEN:
            self.known = known
            self.place = np.full(len(self.past.items), -1)
            self.place[known] = np.arange(len(known))
            self.fit(self.past.matrix()[:, known])
            self.trainings += 1

    def scores(self, subject: str, time: int) -> NDArray[np.float64] | None:
        own = self.place[self.past.of(subject)] if self.trainings else np.zeros(0, np.intp)
        own = own[own >= 0]
        if not len(own):
            return None
        scores = np.zeros(len(self.past.items))
        scores[self.known] = self.of(own)
        return scores

    def least(self) -> int:
        """Interactions that an item needs to be in the model."""
        return 1

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Learns people × items."""
        raise NotImplementedError

    def of(self, own: NDArray[np.intp]) -> NDArray[np.float64]:
        """Scores of the model's items for somebody who has those."""
        raise NotImplementedError


class ItemKnn(Trained):
    """Cosine of two items' people, shrunk, of the closest so many."""

    def __init__(self, past: Interactions, every_days: float, neighbours: int, shrinkage: float) -> None:
        super().__init__(past, every_days)
        self._neighbours, self._shrinkage = neighbours, shrinkage

    def fit(self, matrix: sparse.csr_matrix) -> None:
        both = (matrix.T @ matrix).tocsr()
        both.setdiag(0)
        both.eliminate_zeros()
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        both.data = both.data / (np.sqrt(counts[rows] * counts[both.indices]) + self._shrinkage)
        for row in range(both.shape[0]):
            own = both.data[both.indptr[row] : both.indptr[row + 1]]
            if len(own) > self._neighbours:
                own[np.argpartition(-own, self._neighbours)[self._neighbours :]] = 0
        both.eliminate_zeros()
        self._close = both

    def of(self, own: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self._close[own].sum(axis=0)).ravel()


class Ease(Trained):
    """EASE (Steck 2019) over the items with at least a few interactions."""

    def __init__(self, past: Interactions, every_days: float, penalty: float, least: int = 8) -> None:
        super().__init__(past, every_days)
        self._penalty, self._least = penalty, least

    def least(self) -> int:
        return self._least

    def fit(self, matrix: sparse.csr_matrix) -> None:
        gram = (matrix.T @ matrix).toarray().astype(np.float32)
        gram[np.diag_indices(len(gram))] += self._penalty
        inverse = np.linalg.inv(gram)
        self.weights = inverse / -np.diag(inverse)
        self.weights[np.diag_indices(len(gram))] = 0

    def of(self, own: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.weights[own].sum(axis=0), np.float64)


class ImplicitAls(Trained):
    """Implicit ALS (Hu, Koren and Volinsky 2008) of the library `implicit`; people are folded in."""

    def __init__(
        self, past: Interactions, every_days: float, factors: int, regularization: float, alpha: float
    ) -> None:
        super().__init__(past, every_days)
        self._settings = (factors, regularization, alpha)

    def least(self) -> int:
        return 2

    def fit(self, matrix: sparse.csr_matrix) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        factors, regularization, alpha = self._settings
        model = AlternatingLeastSquares(
            factors=factors,
            regularization=regularization,
            alpha=alpha,
            iterations=10,
            num_threads=1,
            random_state=7,
            calculate_training_loss=False,
        )
        model.fit(matrix, show_progress=False)
        self.factors = np.asarray(model.item_factors)
        self._gram = self.factors.T @ self.factors + regularization * np.eye(factors, dtype=np.float32)

    def of(self, own: NDArray[np.intp]) -> NDArray[np.float64]:
        alpha = self._settings[2]
        mine = self.factors[own]
        person = np.linalg.solve(self._gram + alpha * mine.T @ mine, (1 + alpha) * mine.sum(axis=0))
        # Above 0, so that nothing is taken for an item without a word.
        found: NDArray[np.float64] = np.exp(np.clip(self.factors @ person, -20, 20)).astype(np.float64)
        return found


def ten_of(peer: Peer, past: Interactions, subject: str, time: int, fill: NDArray[np.float64]) -> list[str]:
    """A peer's list: its ten best items that may be shown, filled up by other scores."""
    hidden = past.hidden(subject)
    chosen: list[int] = []
    for scores in (peer.scores(subject, time), fill):
        if scores is None or len(chosen) == TEN:
            continue
        worth = scores.copy()
        worth[hidden] = 0
        worth[chosen] = 0
        # All that may be among the ten, so that equals at the border go by their names as others do.
        best = np.flatnonzero(worth >= max(np.partition(worth, -TEN)[-TEN], np.finfo(float).tiny))
        best = best[np.lexsort((best, -worth[best]))]
        chosen += best[: TEN - len(chosen)].tolist()
    return [past.items[each] for each in chosen]
