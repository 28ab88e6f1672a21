"""A loaded model: rows in, scores, decisions and reasons out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from headrace.models.inputs import Columns, columns
from headrace.models.manifest import Manifest
from headrace.models.records import Value

Array = np.ndarray[Any, Any]
Row = Mapping[str, Value]

TIE = 1e-9
"""A score this close below the threshold reaches it, so that the last bits of two runtimes never decide."""


class Scorer(Protocol):
    """What a model file became."""

    def score(self, columns: Columns) -> Array:
        """One float64 per row: probability of the positive class, or the predicted value."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """What one input did to a row's score.

    Attributes:
        value: of the row.
        typical: value in training, against which `effect` is measured.
        effect: score of the row less its score with the typical value in place of its own.
    """

    input: str
    value: Value
    typical: Value
    effect: float


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of rows, in their order.

    Attributes:
        scores: float64, (n,).
        decisions: bool, (n,); None for a regression.
    """

    scores: Array
    decisions: Array | None


def decide(scores: Array, threshold: float) -> Array:
    """Whether each probability reaches the threshold; the one rule of training, judging and serving."""
    reached: Array = scores >= threshold - TIE
    return reached


class Model:
    """A version of a model, ready to answer; safe to use from several threads.

    Args:
        manifest: of its artifact.
        scorer: of its artifact.
    """

    def __init__(self, manifest: Manifest, scorer: Scorer) -> None:
        self.manifest = manifest
        self._scorer = scorer
        self._inputs = manifest.inputs
        self._threshold = manifest.threshold if manifest.task == "classification" else None

    def predict(self, rows: Sequence[Row]) -> Predictions:
        """Scores of rows; each holds the inputs by name, a missing one being as None.

        A time is in epoch seconds here, as `headrace.models.inputs` says.
        """
        scores = self._score(rows)
        return Predictions(scores, None if self._threshold is None else decide(scores, self._threshold))

    def reasons(self, rows: Sequence[Row], top: int = 3) -> list[list[Reason]]:
        """For each row the inputs whose own value changes its score most, the greatest change first.

        Each input alone is replaced by its typical value in training: inputs that only act together are not seen, and
        effects don't add up to the score. Those without any effect are left out. One call of the scorer for all.
        """
        replaced = [name for name in self.manifest.typical if any(field.name == name for field in self._inputs)]
        asked = [dict(row) for row in rows]
        for row in rows:
            asked += [{**row, name: self.manifest.typical[name]} for name in replaced]
        scores = self._score(asked)
        own, changed = scores[: len(rows)], scores[len(rows) :].reshape(len(rows), len(replaced))
        return [self._top(row, replaced, own[at] - changed[at], top) for at, row in enumerate(rows)]

    def _top(self, row: Row, names: Sequence[str], effects: Array, top: int) -> list[Reason]:
        order = [at for at in np.argsort(-np.abs(effects), kind="stable")[:top] if abs(effects[at]) > TIE]
        typical = self.manifest.typical
        return [Reason(names[at], row.get(names[at]), typical[names[at]], float(effects[at])) for at in order]

    def _score(self, rows: Sequence[Row]) -> Array:
        if not rows:
            return np.empty(0, dtype=np.float64)
        return self._scorer.score(columns(self._inputs, rows))
