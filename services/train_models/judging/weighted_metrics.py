"""The metrics of `metrics.py` for many draws of the same rows at once: rows are weighed by how often they were drawn.

Scores are sorted once for all draws, so that a bootstrap of all metrics takes seconds and not minutes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from train_models.judging.metrics import confusion_of_counts, decisions_of, is_by_decision

Array = np.ndarray[Any, Any]


class WeightedMetrics:
    """The metrics of one model's scores.

    Args:
        target: one value per row.
        scores: as many.
        threshold: of decisions.
    """

    def __init__(self, target: Array, scores: Array, threshold: float | None) -> None:
        self._target = np.asarray(target, dtype=np.float64)
        self._scores = np.asarray(scores, dtype=np.float64)
        self._decided = decisions_of(self._scores, threshold)
        self._order = np.argsort(-self._scores, kind="stable")
        self._ends = _last_of_each(self._scores[self._order])
        self._by_error = np.argsort(np.abs(self._target - self._scores), kind="stable")

    def values(self, names: Sequence[str], counts: Array) -> Array:
        """Each metric of each draw: (draws, names); NaN where a draw does not tell it.

        Args:
            counts: how often each row is in each draw, (draws, rows).
        """
        found = [
            self._decision_metric(name, counts) if is_by_decision(name) else _OF[name](self, counts) for name in names
        ]
        return np.stack(found, axis=1)

    def _decision_metric(self, name: str, counts: Array) -> Array:
        positive = self._target == 1
        cells = (
            self._decided & positive,
            self._decided & ~positive,
            ~self._decided & ~positive,
            ~self._decided & positive,
        )
        found: Array = confusion_of_counts(name, *(counts @ cell.astype(np.float64) for cell in cells))
        return found

    def _mean(self, losses: Array, counts: Array) -> Array:
        mean: Array = counts @ losses / counts.sum(axis=1)
        return mean

    def _brier(self, counts: Array) -> Array:
        return self._mean((self._target - self._scores) ** 2, counts)

    def _log_loss(self, counts: Array) -> Array:
        eps = np.finfo(np.float64).eps
        likely = np.clip(np.where(self._target == 1, self._scores, 1 - self._scores), eps, 1 - eps)
        return self._mean(-np.log(likely), counts)

    def _mae(self, counts: Array) -> Array:
        return self._mean(np.abs(self._target - self._scores), counts)

    def _mse(self, counts: Array) -> Array:
        return self._brier(counts)

    def _rmse(self, counts: Array) -> Array:
        root: Array = np.sqrt(self._brier(counts))
        return root

    def _r2(self, counts: Array) -> Array:
        centred = self._target - self._target.mean()
        spread = self._mean(centred**2, counts) - self._mean(centred, counts) ** 2
        return 1 - _ratio(self._mse(counts), spread, spread > 0)

    def _median_error(self, counts: Array) -> Array:
        errors = np.abs(self._target - self._scores)[self._by_error]
        reached = np.cumsum(counts[:, self._by_error], axis=1)
        whole = reached[:, -1:]
        lower = np.argmax(reached >= np.floor((whole + 1) / 2), axis=1)
        upper = np.argmax(reached >= np.floor(whole / 2) + 1, axis=1)
        middle: Array = (errors[lower] + errors[upper]) / 2
        return middle

    def _ranked(self, counts: Array) -> tuple[Array, Array]:
        """Positives and negatives at or above each different score, from the highest on."""
        sorted_counts, positive = counts[:, self._order], self._target[self._order] == 1
        tp = np.cumsum(np.where(positive, sorted_counts, 0), axis=1)[:, self._ends]
        fp = np.cumsum(np.where(positive, 0, sorted_counts), axis=1)[:, self._ends]
        return tp, fp

    def _roc_auc(self, counts: Array) -> Array:
        tp, fp = self._ranked(counts)
        steps = np.diff(fp, axis=1, prepend=0) * (tp + np.hstack([np.zeros((len(tp), 1)), tp[:, :-1]])) / 2
        whole = tp[:, -1] * fp[:, -1]
        return _ratio(steps.sum(axis=1), whole, whole > 0)

    def _average_precision(self, counts: Array) -> Array:
        tp, fp = self._ranked(counts)
        precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
        gained = (np.diff(tp, axis=1, prepend=0) * precision).sum(axis=1)
        return _ratio(gained, tp[:, -1], (tp[:, -1] > 0) & (fp[:, -1] > 0))


_OF: dict[str, Callable[[WeightedMetrics, Array], Array]] = {
    "roc_auc": WeightedMetrics._roc_auc,
    "average_precision": WeightedMetrics._average_precision,
    "log_loss": WeightedMetrics._log_loss,
    "brier": WeightedMetrics._brier,
    "mse": WeightedMetrics._mse,
    "rmse": WeightedMetrics._rmse,
    "mae": WeightedMetrics._mae,
    "r2": WeightedMetrics._r2,
    "median_error": WeightedMetrics._median_error,
}


def _ratio(part: Array, whole: Array, known: Array) -> Array:
    """NaN where it isn't known."""
    found: Array = np.divide(part, whole, out=np.full(len(part), np.nan), where=known)
    return found


def _last_of_each(falling: Array) -> Array:
    """Positions of the last of each run of equal values."""
    return np.flatnonzero(np.append(np.diff(falling) != 0, True)) if len(falling) else np.zeros(0, dtype=np.intp)
