"""Compares what is served with what was trained, row for row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headrace.models.inputs import Columns, Input
from headrace.models.manifest import Task
from headrace.models.scorer import Scorer, decide

Array = np.ndarray[Any, Any]

LIMIT = 1e-6
"""Largest difference of a probability; of a value, in parts of it where it is above 1."""


class ParityError(Exception):
    """The exported model answers otherwise than the fitted object; says where and by how much."""


@dataclass(frozen=True)
class Parity:
    """Attributes:
    largest: difference found, in the measure of `LIMIT`.
    rows: compared in one batch.
    singles: of them, also compared one by one.
    """

    largest: float
    rows: int
    singles: int


def fitted_scores(fitted: Any, frame: pd.DataFrame, task: Task) -> Array:
    """What the fitted object itself says: probability of the second class, or value; float64, (n,)."""
    found = fitted.predict_proba(frame)[:, 1] if task == "classification" else fitted.predict(frame)
    return np.asarray(found, dtype=np.float64).reshape(-1)


def frame_columns(inputs: tuple[Input, ...], frame: pd.DataFrame) -> Columns:
    """A frame of training rows as a scorer takes it."""
    return {
        field.name: frame[field.name].to_numpy(dtype=np.float64 if field.is_numeric else object) for field in inputs
    }


def check_parity(
    scorer: Scorer, columns: Columns, expected: Array, *, threshold: float | None, singles: int = 200
) -> Parity:
    """Scores all rows in one batch, and some one by one, against the expected scores.

    Args:
        expected: of the fitted object, (n,).
        threshold: of the decisions, which must all be the same; None for a regression.
        singles: how many rows, evenly chosen, are scored one by one.

    Raises:
        ParityError: a score is further than `LIMIT` from the expected, or a decision differs.
    """
    rows = len(expected)
    chosen = np.unique(np.linspace(0, rows - 1, num=min(singles, rows)).astype(int))
    one_by_one = [scorer.score({name: values[at : at + 1] for name, values in columns.items()})[0] for at in chosen]
    largest = max(
        _compare(scorer.score(columns), expected, np.arange(rows), threshold, "in a batch"),
        _compare(np.array(one_by_one), expected[chosen], chosen, threshold, "alone"),
    )
    return Parity(largest, rows, len(chosen))


def _compare(found: Array, expected: Array, positions: Array, threshold: float | None, how: str) -> float:
    apart = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    # NaN is no small difference.
    wrong = ~(apart <= LIMIT)
    if threshold is not None:
        wrong |= decide(found, threshold) != decide(expected, threshold)
    if wrong.any():
        worst = int(np.flatnonzero(wrong)[np.nanargmax(np.nan_to_num(apart[wrong], nan=np.inf))])
        raise ParityError(
            f"{int(wrong.sum())} of {len(found)} rows scored {how} differ: row {positions[worst]} has {found[worst]!r} "
            f"in place of {expected[worst]!r}"
        )
    return float(apart.max())
