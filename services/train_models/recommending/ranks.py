"""At which rank a model has what came, among all items that the person doesn't know yet; none is sampled."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from headrace.recommend.batch_model import BatchModel, BoundFactors, ItemScores
from headrace.recommend.catalog import Catalog
from train_models.recommending.cases import Cases

TOP = 10
_CELLS = 4_000_000
Scores = NDArray[np.float32]
Score = Callable[[int, int], Scores]
"""Scores of all known items for the cases from one to another: (cases, known)."""


@dataclass(frozen=True)
class Ranks:
    """What came of the cases of one model.

    Attributes:
        ranks: float64, (cases,): 1 is first; among equals the mean of their places; infinite for an item that was not
            known when the model was fitted.
        coverage: share of the known items that are in any of the first `TOP`.
    """

    ranks: NDArray[np.float64]
    coverage: float


def ranks_of_model(model: BatchModel, items: tuple[str, ...], cases: Cases) -> Ranks:
    """By what is served: a person's last items speak for others, or their factors are solved for.

    Args:
        items: names of the cases' numbers.
    """
    catalog = Catalog()
    for item in items:
        catalog.number(item)
    if isinstance(model, ItemScores):
        return _ranks(cases, _by_neighbours(model, catalog, cases))
    return _ranks(cases, _by_factors(BoundFactors(model, catalog), catalog, cases))


def ranks_of_scores(scores: NDArray[np.float64], cases: Cases) -> Ranks:
    """Of the same scores for everybody, such as popularity; (known,)."""
    same = scores.astype(np.float32)
    return _ranks(cases, lambda begin, end: np.repeat(same[None, :], end - begin, axis=0))


def _by_neighbours(model: ItemScores, catalog: Catalog, cases: Cases) -> Score:
    numbers = np.array([catalog.number(item) for item in model.items], np.intp)
    there = model.columns >= 0
    speakers = np.repeat(numbers, there.sum(axis=1))
    spoken_for = numbers[model.columns[there]]
    counted = spoken_for < cases.known
    size = max(len(catalog), cases.known)
    weights = sparse.csr_matrix(
        (model.scores[there][counted], (speakers[counted], spoken_for[counted])), shape=(size, cases.known)
    )
    history = sparse.csr_matrix((cases.weights, cases.history, cases.bounds), shape=(len(cases), size))

    def score(begin: int, end: int) -> Scores:
        found: Scores = (history[begin:end] @ weights).toarray()
        return found

    return score


def _by_factors(model: BoundFactors, catalog: Catalog, cases: Cases) -> Score:
    everything = np.arange(cases.known)

    def score(begin: int, end: int) -> Scores:
        found = np.zeros((end - begin, cases.known), np.float32)
        for case in range(begin, end):
            own = slice(cases.bounds[case], cases.bounds[case + 1])
            person = model.person(cases.history[own].astype(np.intp), cases.weights[own])
            if person is not None:
                found[case - begin] = model.matches(person, everything)
        return found

    return score


def _ranks(cases: Cases, score: Score) -> Ranks:
    found = np.full(len(cases), np.inf)
    shown = np.zeros(cases.known, np.bool_)
    step = max(1, _CELLS // max(1, cases.known))
    for begin in range(0, len(cases), step):
        end = min(len(cases), begin + step)
        scores = score(begin, end)
        for case in range(begin, end):
            own = cases.own[slice(*cases.seen[case])]
            scores[case - begin, own[own < cases.known]] = -np.inf
        _note_shown(scores, shown)
        targets = cases.targets[begin:end]
        can_be = np.flatnonzero(targets < cases.known)
        reached = scores[can_be, targets[can_be]][:, None]
        above = (scores[can_be] > reached).sum(axis=1)
        equal = (scores[can_be] == reached).sum(axis=1)
        found[begin + can_be] = 1 + above + (equal - 1) / 2
    return Ranks(found, float(shown.mean()) if cases.known else 0.0)


def _note_shown(scores: Scores, shown: NDArray[np.bool_]) -> None:
    top = min(TOP, scores.shape[1])
    best = np.argpartition(-scores, top - 1, axis=1)[:, :top]
    shown[best[np.take_along_axis(scores, best, axis=1) > 0]] = True
