"""Implicit ALS, of the library `implicit`: Hu, Koren and Volinsky, ICDM 2008."""

import numpy as np

from headrace.recommend.batch_model import ItemFactors
from train_models.recommending.fitted_items import FittedItems


def fit_als(
    items: FittedItems, factors: int, regularization: float, alpha: float, iterations: int, seed: int
) -> ItemFactors:
    """Factors of the items, on one thread, so that the same matrix and seed give the same.

    What happened counts 1 + alpha × its value beside the 1 of what didn't, as `BoundFactors` folds persons in.
    """
    # It takes long to import.
    from implicit.cpu.als import AlternatingLeastSquares

    confidence = items.matrix.copy()
    confidence.data = (1 + np.float32(alpha) * confidence.data).astype(np.float32)
    model = AlternatingLeastSquares(
        factors=min(factors, len(items.names)),
        regularization=regularization,
        alpha=1.0,
        iterations=iterations,
        num_threads=1,
        random_state=seed,
        calculate_training_loss=False,
    )
    model.fit(confidence, show_progress=False)
    return ItemFactors(0, items.names, np.ascontiguousarray(model.item_factors, np.float32), alpha, regularization)
