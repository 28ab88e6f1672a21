"""EASE: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from headrace.errors import ConfigurationError
from headrace.recommend.batch_model import ItemScores
from train_models.recommending.fitted_items import FittedItems
from train_models.recommending.strongest_neighbours import strongest_neighbours


def fit_ease(items: FittedItems, penalty: float, neighbours: int) -> ItemScores:
    """The weights of the closed form, of each item the largest positive ones.

    Takes 8 bytes times the square of the items: the Gram matrix is inverted in its place, and half of that again is
    taken while the inverse is completed.

    Args:
        penalty: of the squared weights, above 0.
        neighbours: so many weights of each item are kept.

    Raises:
        ConfigurationError: the penalty is too small for a matrix of 32-bit numbers.
    """
    weights = ease_weights(items, penalty)
    return strongest_neighbours(items.names, lambda rows: weights[rows], neighbours)


def ease_weights(items: FittedItems, penalty: float) -> NDArray[np.float32]:
    """The item-item weights, (items, items): row j is how j speaks for others, with 0 for itself."""
    # It is symmetric, so turned around it is the same, in the order that LAPACK works in place on.
    gram = (items.matrix.T @ items.matrix).toarray().T
    count = len(gram)
    gram[np.diag_indices(count)] += np.float32(penalty)
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ConfigurationError(f"EASE's matrix can't be inverted with a penalty of {penalty:g}: give a larger one")
    del gram, factor
    _complete(inverse)
    inverse /= -np.diag(inverse).copy()
    inverse[np.diag_indices(count)] = 0
    found: NDArray[np.float32] = inverse
    return found


def _complete(lower: NDArray[np.float32], rows: int = 512) -> None:
    """Copies the lower triangle into the upper one, a band at a time."""
    for begin in range(0, len(lower), rows):
        end = min(len(lower), begin + rows)
        lower[begin:end, end:] = lower[end:, begin:end].T
        block = lower[begin:end, begin:end]
        block[:] = np.tril(block) + np.tril(block, -1).T
