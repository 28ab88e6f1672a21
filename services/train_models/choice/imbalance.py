"""Resampling of rare classes. It is only ever given the rows that train."""

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from headrace.errors import ConfigurationError
from train_models.choice.choice_spec import Imbalance

Array = np.ndarray[Any, Any]

_NEIGHBOURS = 5


def resample(matrix: Any, target: Array, imbalance: Imbalance, seed: int) -> tuple[Any, Array]:
    """Features and classes of training rows with as many rows of each class; or as they are, where the file says so.

    Args:
        matrix: what the features' steps made: rows by columns, of numbers without gaps for `smote`.

    Raises:
        ConfigurationError: `smote` has fewer than two rows of a class.
    """
    if imbalance.resampling == "none":
        return matrix, target
    if imbalance.resampling == "smote":
        rarest = int(np.bincount(target).min())
        if rarest < 2:
            raise ConfigurationError("imbalance: smote needs two rows of each class or more in a fold; use random_over")
        sampler: Any = SMOTE(k_neighbors=min(_NEIGHBOURS, rarest - 1), random_state=seed)
    elif imbalance.resampling == "random_over":
        sampler = RandomOverSampler(random_state=seed)
    else:
        sampler = RandomUnderSampler(random_state=seed)
    features, classes = sampler.fit_resample(matrix, target)
    return features, classes
