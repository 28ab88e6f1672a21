"""Fits a candidate with each combination of its parameters."""

from collections.abc import Iterator
from itertools import product

from threadpoolctl import threadpool_limits

from headrace.models.records import Value
from headrace.recommend.batch_model import BatchModel
from train_models.recommending.als import fit_als
from train_models.recommending.ease import fit_ease
from train_models.recommending.fitted_items import FittedItems, fitted_items
from train_models.recommending.interactions import Interactions
from train_models.recommending.item_knn import fit_item_knn
from train_models.recommending.recommender_file import AlsCandidate, Candidate, EaseCandidate

Params = dict[str, Value]


def combinations(candidate: Candidate) -> Iterator[Params]:
    """The parameters that are tried of a candidate, in the order of its file."""
    if isinstance(candidate, EaseCandidate):
        for penalty in candidate.penalty:
            yield {"penalty": penalty}
    elif isinstance(candidate, AlsCandidate):
        for factors, regularization, alpha in product(candidate.factors, candidate.regularization, candidate.alpha):
            yield {"factors": factors, "regularization": regularization, "alpha": alpha}
    else:
        for neighbours, shrinkage in product(candidate.neighbours, candidate.shrinkage):
            yield {"neighbours": neighbours, "shrinkage": shrinkage}


def learnable(past: Interactions, candidate: Candidate) -> FittedItems:
    """What a candidate learns from."""
    return fitted_items(past, least=candidate.least, most=candidate.items, weighted=candidate.weighted)


def fit(items: FittedItems, candidate: Candidate, params: Params, seed: int) -> BatchModel:
    """A candidate with these parameters. On one thread: several add up numbers in an order that changes.

    Args:
        items: of `learnable`.
    """
    given = {name: float(value) for name, value in params.items() if isinstance(value, int | float)}
    with threadpool_limits(1):
        if isinstance(candidate, EaseCandidate):
            return fit_ease(items, given["penalty"], candidate.neighbours)
        if isinstance(candidate, AlsCandidate):
            factors, regularization, alpha = int(given["factors"]), given["regularization"], given["alpha"]
            return fit_als(items, factors, regularization, alpha, candidate.iterations, seed)
        return fit_item_knn(items, int(given["neighbours"]), given["shrinkage"])
