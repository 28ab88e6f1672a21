"""What a training gives: every candidate's out-of-fold predictions, the chosen fitted object, the one hold-out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headrace.models.inputs import Input
from headrace.models.records import Value

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TrainingRows:
    """Rows as the fitted object takes them, in the snapshot's order.

    Attributes:
        inputs: with the levels that categories have in these rows.
        frame: one column per input, in their order: float64 (NaN where missing) or object of str ("" where missing).
        target: float64 for a regression; int8, 1 for the positive class, for a classification.
        ids: of the rows, text; the row number where the file names no id.
        times: float64, epoch seconds, or None where the rows have no time.
        groups: text; rows of a group are never on both sides of a split.
        known: float64, epoch seconds: from when on each label could be known; None where it is at the row's time.
        is_group_named: whether the model file names the groups. The entities of events, which are groups by themselves,
            may be on both sides of a split by time: what will be known of them is what is asked.
    """

    inputs: tuple[Input, ...]
    frame: pd.DataFrame
    target: Array
    ids: Array
    times: Array | None = None
    groups: Array | None = None
    known: Array | None = None
    is_group_named: bool = True

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: Array) -> "TrainingRows":
        """Those rows, by position."""
        return TrainingRows(
            self.inputs,
            self.frame.iloc[rows].reset_index(drop=True),
            self.target[rows],
            self.ids[rows],
            None if self.times is None else self.times[rows],
            None if self.groups is None else self.groups[rows],
            None if self.known is None else self.known[rows],
            self.is_group_named,
        )


@dataclass(frozen=True)
class FoldScores:
    """Predictions of one outer fold's test rows, by a fit on its other rows.

    Attributes:
        rows: positions within the development rows.
        scores: probability of the positive class, or predicted value; as many as rows.
    """

    repeat: int
    fold: int
    rows: Array
    scores: Array


@dataclass(frozen=True)
class CandidateResult:
    """One candidate over all outer folds; all candidates of a training have the same folds.

    Attributes:
        params: of the final fit, by a search over all development rows, where this was chosen; else those of the outer
            fold whose search went best. An average has those of its candidates, `candidate.parameter`.
        folds: repeats * folds of them.
    """

    name: str
    algorithm: str
    params: dict[str, Value]
    is_baseline: bool
    folds: tuple[FoldScores, ...]
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """All of a training; `development` and `hold_out` are positions within `rows`.

    Attributes:
        fitted: the chosen candidate, fitted on the development rows: `frame` in, probabilities or values out.
        threshold: for the calibrated probability; None for a regression.
        hold_out_scores: of the chosen candidate and of each baseline: name → one score per hold-out row.
        findings: of the leak scan, in words.
        learning_curve: rows, mean and deviation of the metric at each size.
    """

    rows: TrainingRows
    development: Array
    hold_out: Array
    metric: str
    candidates: tuple[CandidateResult, ...]
    chosen: str
    fitted: Any
    threshold: float | None
    calibration: str | None
    hold_out_scores: dict[str, Array]
    learning_curve: tuple[tuple[int, float, float], ...] = ()
    findings: tuple[str, ...] = ()
