"""What a source of candidates is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.policy import SourceName
from headrace.recommend.situation import Situation

Numbers = NDArray[np.intp]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """Items with the source's own scores, the best first, each once.

    The first `count` that a source was asked for are its candidates; further ones only say what it thinks of the
    candidates of others.

    Attributes:
        score: the source's scores of any items; None where those of `numbers` are all that it can say.
    """

    numbers: Numbers
    scores: Scores
    score: Callable[[Numbers], Scores] | None = None


NOTHING = Found(np.zeros(0, np.intp), np.zeros(0, np.float32))


class Source(Protocol):
    """One source of candidates."""

    name: SourceName

    def find(self, situation: Situation, count: int) -> Found:
        """At least the best `count` items, where there are so many; a source that is away finds nothing."""
        ...


def ranked(numbers: Numbers, scores: Scores, most: int, score: Callable[[Numbers], Scores] | None = None) -> Found:
    """The best of items that come once each, rising; ties by number."""
    if len(numbers) > most:
        kept = np.sort(np.argpartition(-scores, most)[:most])
        numbers, scores = numbers[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")
    return Found(numbers[order], scores[order], score)


def distinct(numbers: Numbers) -> Numbers:
    """Each number once, rising: as `numpy.unique`, in a tenth of the time for a few hundred."""
    ordered = np.sort(numbers)
    if not len(ordered):
        return ordered
    kept = np.empty(len(ordered), np.bool_)
    kept[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return ordered[kept]


def outside(numbers: Numbers, others: Sequence[int] | Numbers) -> NDArray[np.bool_]:
    """Which of some numbers, each once and rising, are not among others: as `numpy.isin`, in a quarter of the time."""
    is_outside = np.ones(len(numbers), np.bool_)
    if len(numbers) and len(others):
        places = np.minimum(np.searchsorted(numbers, others), len(numbers) - 1)
        is_outside[places[numbers[places] == others]] = False
    return is_outside


def added_up(numbers: Numbers, scores: Scores) -> tuple[Numbers, Scores]:
    """Each item once, rising, with the sum of its scores."""
    if not len(numbers):
        return numbers, scores
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(scores[order], starts)
