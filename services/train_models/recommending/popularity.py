"""What needs no model, and what every model has to be better than: how many persons an item had, and lately."""

import numpy as np
from numpy.typing import NDArray

from train_models.recommending.interactions import Interactions

DAY_US = 86_400_000_000


def popularity(past: Interactions, known: int) -> NDArray[np.float64]:
    """Interactions of each of the first so many items."""
    return np.bincount(past.item, minlength=known)[:known].astype(np.float64)


def decayed_popularity(past: Interactions, known: int, half_life_days: float) -> NDArray[np.float64]:
    """The same, each counting half after so many days before the last."""
    age = (past.times[-1:] - past.times) / DAY_US
    counts = np.bincount(past.item, 0.5 ** (age / half_life_days), minlength=known)[:known]
    return counts.astype(np.float64)
