"""Factors of items, learned online by River: which items follow which."""

from __future__ import annotations

import zlib
from collections.abc import Set

import numpy as np
from numpy.typing import NDArray
from river import optim, reco

from headrace.recommend.learner_settings import LearnerSettings

_RING = 1_024
_MASK = (1 << 64) - 1


class FactorLearning:
    """`river.reco.FunkMF` with an item's forerunner in the place of the user, and the logistic loss.

    So a person is the mean of the last items' factors, nothing is kept of anybody, and a person whom nobody has seen
    is served as any other. What didn't follow is drawn from what was last learned, thus by popularity, as in word2vec's
    negative sampling (Mikolov et al. 2013), by a generator whose state is a counter.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._dimensions, self._negatives = settings.dimensions, settings.negatives
        self._model = reco.FunkMF(
            n_factors=settings.dimensions,
            optimizer=optim.SGD(settings.factor_rate),
            loss=optim.losses.Log(),
            l2=settings.factor_l2,
        )
        self.ring: list[str] = []
        self.counter = 0

    def learn(self, forerunner: str, item: str) -> list[str]:
        """Learns that an item followed another; gives the items whose factors changed beside it."""
        if not self._dimensions:
            return []
        self._prepare(forerunner)
        self._prepare(item)
        self._learn(forerunner, item, True)
        drawn = []
        for _ in range(self._negatives):
            other = self._draw()
            if other is not None and other not in (item, forerunner):
                self._prepare(other)
                self._learn(forerunner, other, False)
                drawn.append(other)
        return drawn

    def note(self, item: str) -> None:
        """Takes an item into what is drawn from."""
        if len(self.ring) < _RING:
            self.ring.append(item)
        else:
            self.ring[self.counter % _RING] = item
        self.counter += 1

    def vector(self, item: str) -> tuple[float, ...]:
        """How an item speaks for others, then how others speak for it; empty where nothing was learned of it."""
        if item not in self._model.u_latents:
            return ()
        speaks: NDArray[np.float64] = self._model.u_latents[item]
        spoken: NDArray[np.float64] = self._model.i_latents[item]
        return (*speaks.tolist(), *spoken.tolist())

    def restore(self, item: str, vector: tuple[float, ...]) -> None:
        """Sets what `vector` gave."""
        half = len(vector) // 2
        self._model.u_latents[item] = np.array(vector[:half])
        self._model.i_latents[item] = np.array(vector[half:])

    def forget(self, items: Set[str]) -> None:
        """Lets items go; what is drawn would come back."""
        for item in items:
            self._model.u_latents.pop(item, None)
            self._model.i_latents.pop(item, None)
        self.ring = [each for each in self.ring if each not in items]

    def _learn(self, forerunner: str, item: str, followed: bool) -> None:
        self._model.learn_one(user=forerunner, item=item, y=followed)  # type: ignore[no-untyped-call]  # River's

    def _prepare(self, item: str) -> None:
        # By the item's name, so that it doesn't depend on the order in which items come.
        if item not in self._model.u_latents:
            random = np.random.Generator(np.random.PCG64(zlib.crc32(item.encode())))
            drawn = random.normal(0.0, 0.1, 2 * self._dimensions)
            self._model.u_latents[item] = drawn[: self._dimensions]
            self._model.i_latents[item] = drawn[self._dimensions :]

    def _draw(self) -> str | None:
        if not self.ring:
            return None
        self.counter += 1
        return self.ring[_mixed(self.counter) % len(self.ring)]


def _mixed(number: int) -> int:
    """SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = (number * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)
