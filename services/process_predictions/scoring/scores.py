"""Scores of many rows at once, of which one that can't be scored takes none of the others along."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from headrace.errors import Reason, TerminalError
from headrace.models.scorer import Model, Row


class Scored(NamedTuple):
    """What a model said of a row; `decision` is None for a regression."""

    score: float
    decision: bool | None


def score_rows(model: Model, rows: Sequence[Row]) -> list[Scored | TerminalError]:
    """Each row's score, or why it has none."""
    try:
        predictions = model.predict(rows)
    except Exception as error:
        if len(rows) == 1:
            failed = TerminalError(Reason.REFUSED_BY_RULE, f"the model can't score the row: {error}")
            return [failed.with_traceback(error.__traceback__)]
        return [one for row in rows for one in score_rows(model, [row])]
    decisions = [None] * len(rows) if predictions.decisions is None else [bool(one) for one in predictions.decisions]
    return [_checked(float(score), one) for score, one in zip(predictions.scores, decisions, strict=True)]


def _checked(score: float, decision: bool | None) -> Scored | TerminalError:
    if isfinite(score):
        return Scored(score, decision)
    return TerminalError(Reason.REFUSED_BY_RULE, f"the model gives {score}, which is no score")
