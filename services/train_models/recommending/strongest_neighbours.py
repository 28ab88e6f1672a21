"""Of each item's weights for others the largest ones: what is served of item scores."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.batch_model import ItemScores

_BLOCK = 256
Weights = NDArray[np.float32]


def strongest_neighbours(
    names: tuple[str, ...], weights_of: Callable[[slice], Weights], most: int, block: int = _BLOCK
) -> ItemScores:
    """Keeps at most so many weights above 0 of each item, the largest first; of equals the item of the lower row.

    Args:
        weights_of: gives the weights of some rows, (rows, items).
    """
    kept = min(most, len(names) - 1)
    columns = np.full((len(names), kept), -1, np.int32)
    scores = np.zeros((len(names), kept), np.float32)
    for begin in range(0, len(names), block):
        rows = slice(begin, min(len(names), begin + block))
        weights = weights_of(rows)
        best = np.sort(np.argpartition(-weights, kept, axis=1)[:, :kept], axis=1)
        own = np.take_along_axis(weights, best, axis=1)
        rank = np.argsort(-own, axis=1, kind="stable")
        order, own = np.take_along_axis(best, rank, axis=1), np.take_along_axis(own, rank, axis=1)
        columns[rows] = np.where(own > 0, order, -1)
        scores[rows] = np.where(own > 0, own, 0)
    return ItemScores(0, names, columns, scores)
