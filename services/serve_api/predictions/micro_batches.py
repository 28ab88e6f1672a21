"""Scores the rows of requests that came at once in one run of the model."""

import asyncio
from collections.abc import Callable, Sequence

from headrace.models.scorer import Predictions, Row

Predict = Callable[[Sequence[Row]], Predictions]
Scored = list[tuple[float, bool | None]]
_Waiting = Sequence[tuple[Sequence[Row], "asyncio.Future[Scored]"]]


class Unscored(Exception):
    """A model can't score a row; its cause is what the model raised.

    Attributes:
        at: the row's place among those that were given.
    """

    def __init__(self, at: int) -> None:
        super().__init__(f"row {at} can't be scored")
        self.at = at


class MicroBatches:
    """Gathers what is asked for within one turn of the event loop; nobody waits longer than that for others.

    A run of a model costs the more by rows the fewer it has; under load many requests are read in one turn.
    """

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._waiting: list[tuple[Sequence[Row], asyncio.Future[Scored]]] = []

    def score(self, rows: Sequence[Row]) -> asyncio.Future[Scored]:
        """Scores and decisions in the order of the rows, at the end of this turn; or `Unscored`, for these alone."""
        loop = asyncio.get_running_loop()
        scored: asyncio.Future[Scored] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._run)
        self._waiting.append((rows, scored))
        return scored

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._answer(waiting)

    def _answer(self, waiting: _Waiting) -> None:
        """One that can't be scored is found by halves, which costs the others the fewest runs."""
        if len(waiting) == 1:
            self._answer_one(*waiting[0])
            return
        try:
            found = _as_pairs(self._predict([row for rows, _ in waiting for row in rows]))
        except Exception:
            half = len(waiting) // 2
            self._answer(waiting[:half])
            self._answer(waiting[half:])
            return
        at = 0
        for rows, scored in waiting:
            if not scored.done():
                scored.set_result(found[at : at + len(rows)])
            at += len(rows)

    def _answer_one(self, rows: Sequence[Row], scored: "asyncio.Future[Scored]") -> None:
        if scored.done():
            return
        try:
            scored.set_result(score_rows(self._predict, rows))
        except Unscored as error:
            scored.set_exception(error)


def score_rows(predict: Predict, rows: Sequence[Row]) -> Scored:
    """Score and decision of each row.

    Raises:
        Unscored: the first that can't be scored.
    """
    try:
        return _as_pairs(predict(rows))
    except Exception as error:
        if len(rows) == 1:
            raise Unscored(0) from error
        raise Unscored(_first_unscored(predict, rows)) from error


def _first_unscored(predict: Predict, rows: Sequence[Row]) -> int:
    """By halves; 0 where only all together can't be scored."""
    first, after = 0, len(rows)
    while after - first > 1:
        middle = (first + after) // 2
        try:
            predict(rows[first:middle])
        except Exception:
            after = middle
        else:
            first = middle
    return first


def _as_pairs(found: Predictions) -> Scored:
    scores: list[float] = found.scores.tolist()
    if found.decisions is None:
        return [(score, None) for score in scores]
    return list(zip(scores, found.decisions.tolist(), strict=True))
