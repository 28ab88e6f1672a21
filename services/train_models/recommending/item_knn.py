"""Item-kNN: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001."""

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.batch_model import ItemScores
from train_models.recommending.fitted_items import FittedItems
from train_models.recommending.strongest_neighbours import strongest_neighbours


def fit_item_knn(items: FittedItems, neighbours: int, shrinkage: float) -> ItemScores:
    """Cosine of two items' persons, with so much added below that few persons count less."""
    matrix = items.matrix
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    turned = matrix.T.tocsr()

    def weights_of(rows: slice) -> NDArray[np.float32]:
        both = (turned[rows] @ matrix).toarray()
        both /= norms[rows, None] * norms[None, :] + np.float32(shrinkage)
        own = np.arange(rows.start, rows.stop)
        both[own - rows.start, own] = 0
        found: NDArray[np.float32] = both.astype(np.float32)
        return found

    return strongest_neighbours(items.names, weights_of, neighbours)
