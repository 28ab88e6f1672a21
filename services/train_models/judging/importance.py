"""Which inputs a fitted object lives on: how much worse it is when one is shuffled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance

from train_models.judging.metrics import GREATER_IS_BETTER, metric_value

Array = np.ndarray[Any, Any]

_MOST_ROWS = 2_000
_SHUFFLES = 5


@dataclass(frozen=True)
class Importance:
    """How much the metric gets worse, mean and deviation over shuffles; 0 is no use."""

    input: str
    mean: float
    deviation: float


def scores_of(fitted: Any, frame: pd.DataFrame) -> Array:
    """Probabilities of the positive class, or predicted values: one float64 per row."""
    scores = fitted.predict_proba(frame)[:, 1] if hasattr(fitted, "predict_proba") else fitted.predict(frame)
    return np.asarray(scores, dtype=np.float64)


def importances(
    fitted: Any, frame: pd.DataFrame, target: Array, metric: str, threshold: float | None, seed: int
) -> tuple[Importance, ...]:
    """Permutation importance (Breiman, "Random Forests", 2001, section 10), the greatest first.

    On development rows, since the hold-out is for one judgement only; so it says what the model uses, not how well it
    does. Inputs that say the same share their importance. At most 2,000 rows are shuffled, 5 times.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(frame))[:_MOST_ROWS])
    sense = 1.0 if GREATER_IS_BETTER[metric] else -1.0

    def gain(estimator: Any, inputs: pd.DataFrame, values: Array) -> float:
        return sense * metric_value(metric, values, scores_of(estimator, inputs), threshold)

    chosen = frame.iloc[rows].reset_index(drop=True)
    found: Mapping[str, Array] = permutation_importance(
        fitted, chosen, target[rows], scoring=gain, n_repeats=_SHUFFLES, random_state=seed, n_jobs=1
    )
    made = zip(frame.columns, found["importances_mean"], found["importances_std"], strict=True)
    return tuple(
        sorted(
            (Importance(name, float(mean), float(spread)) for name, mean, spread in made), key=lambda each: -each.mean
        )
    )
