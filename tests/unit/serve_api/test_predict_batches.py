"""Rows that are asked for in one turn of the event loop are scored in one run of the model."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeRegressor

from headrace.models.inputs import Input, columns
from headrace.models.scorer import Predictions, Row
from headrace.models.skops_scorer import PipelineScorer
from serve_api.predictions.micro_batches import MicroBatches, Unscored, score_rows

INPUTS = (Input("x", "number"),)


class Runs:
    """A model that says a row's `x`, and knows how many rows each run had."""

    def __init__(self, decides: bool = True) -> None:
        self.sizes: list[int] = []
        self.broken: set[float] = set()
        self._decides = decides

    def predict(self, rows: Sequence[Row]) -> Predictions:
        self.sizes.append(len(rows))
        if any(row["x"] in self.broken for row in rows):
            raise ValueError("broken")
        scores = np.array([row["x"] for row in rows], dtype=np.float64)
        return Predictions(scores, scores >= 2 if self._decides else None)


def rows(*values: float) -> list[Row]:
    return [{"x": value} for value in values]


def test_what_comes_in_one_turn_is_one_run_and_each_gets_its_own() -> None:
    runs = Runs()

    async def ask() -> list[list[tuple[float, bool | None]]]:
        batches = MicroBatches(runs.predict)
        return list(await asyncio.gather(batches.score(rows(1)), batches.score(rows(2, 3)), batches.score(rows(4))))

    assert asyncio.run(ask()) == [[(1.0, False)], [(2.0, True), (3.0, True)], [(4.0, True)]]
    assert runs.sizes == [4]


def test_nobody_waits_for_a_later_turn() -> None:
    runs = Runs(decides=False)

    async def ask() -> list[tuple[float, bool | None]]:
        batches = MicroBatches(runs.predict)
        first = batches.score(rows(1))
        await asyncio.sleep(0)
        assert first.done()
        return await first + await batches.score(rows(2))

    assert asyncio.run(ask()) == [(1.0, None), (2.0, None)]
    assert runs.sizes == [1, 1]


def test_a_failure_reaches_its_own_request_alone() -> None:
    runs = Runs()
    runs.broken = {40, 41, 160}

    async def ask() -> list[Any]:
        batches = MicroBatches(runs.predict)
        asked = [batches.score(rows(number, number + 0.5)) for number in range(39, 71)]
        found = await asyncio.gather(*asked, batches.score(rows(71, 72, 160, 73)), return_exceptions=True)
        assert await batches.score(rows(3)) == [(3.0, True)]
        return list(found)

    first, *others, last = asyncio.run(ask())
    assert first == [(39.0, True), (39.5, True)]
    assert [type(each) for each in others[:2]] == [Unscored, Unscored]
    assert [each[0][0] for each in others[2:]] == list(range(42, 71))
    assert isinstance(last, Unscored)
    assert (last.at, str(last.__cause__)) == (2, "broken")
    # By halves: not one run for each request.
    assert len(runs.sizes) < 32


def test_a_model_that_fails_at_everything_fails_everybody() -> None:
    runs = Runs()
    runs.broken = {1, 2, 3}

    async def ask() -> list[Any]:
        batches = MicroBatches(runs.predict)
        return list(await asyncio.gather(*(batches.score(rows(each)) for each in (1, 2, 3)), return_exceptions=True))

    assert [(type(each), each.at) for each in asyncio.run(ask())] == [(Unscored, 0)] * 3


@pytest.mark.parametrize("at", range(7))
def test_the_first_row_that_can_not_be_scored_is_named(at: int) -> None:
    runs = Runs()
    runs.broken = {float(at), 6.0}
    with pytest.raises(Unscored, match=f"row {at} can't be scored") as raised:
        score_rows(runs.predict, rows(*range(7)))
    assert isinstance(raised.value.__cause__, ValueError)


def test_a_skops_model_answers_the_neighbours_of_what_it_can_not_score() -> None:
    """scikit-learn raises an error at a number that is infinite, for all rows of a run."""
    scorer = PipelineScorer(
        DecisionTreeRegressor().fit(pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0]), INPUTS, "regression"
    )

    async def ask() -> list[Any]:
        batches = MicroBatches(lambda asked: Predictions(scorer.score(columns(INPUTS, asked)), None))
        return list(await asyncio.gather(batches.score(rows(1)), batches.score(rows(1e39)), return_exceptions=True))

    neighbour, refused = asyncio.run(ask())
    assert neighbour == [(1.0, None)]
    assert "too large for dtype('float32')" in str(refused.__cause__)


def test_a_caller_that_left_harms_no_other() -> None:
    runs = Runs()

    async def ask() -> list[tuple[float, bool | None]]:
        batches = MicroBatches(runs.predict)
        left, stays = batches.score(rows(1)), batches.score(rows(2))
        left.cancel()
        return await stays

    assert asyncio.run(ask()) == [(2.0, True)]
