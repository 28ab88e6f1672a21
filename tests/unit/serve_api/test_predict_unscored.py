"""A row that the model can't score is named to who asked for it, and to nobody else."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.models.deployments import Deployment
from headrace.models.inputs import Columns, Input
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import ModelVersion, Prediction, Promotion
from headrace.models.scorer import Model
from serve_api.predictions.asked import PredictQuery
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.predictor import Predictor
from serve_api.predictions.served_version import MAX_INLINE_ROWS, ServedVersion
from serve_api.problems import Problem
from tests.unit.headrace.models.small_model import manifest


class Doubling:
    """Fails at all rows of a run where one is huge, as scikit-learn does; and by a fault of its own at 13."""

    def score(self, columns: Columns) -> np.ndarray[Any, Any]:
        if (columns["x"] > 1e30).any():
            raise ValueError("Input X contains infinity")
        if (columns["x"] == 13).any():
            raise TypeError("a fault")
        return np.asarray(columns["x"] * 2)


class Kept:
    """Takes the records that would be in Kafka."""

    def __init__(self) -> None:
        self.scores: list[float] = []

    async def predictions(self, made: Sequence[Prediction]) -> None:
        self.scores += [each.score for each in made]


class Serving:
    def __init__(self, executor: ThreadPoolExecutor) -> None:
        inputs = (Input("x", "number"),)
        model = Model(manifest(inputs=inputs, task="regression", positive=None, threshold=None), Doubling())
        version = ModelVersion(7, "file:///models/7", "0" * 64)
        served = ServedVersion(LoadedVersion(version, model), executor)
        deployments = Deployments()
        deployments.put(Deployment(Promotion("churn", 1, version, 1), {"champion": served}))
        self.kept = Kept()
        recorder: Any = self.kept
        metrics = PredictionMetrics(CollectorRegistry())
        self._predictor = Predictor(deployments, recorder, metrics, SystemClock(), max_open=9)

    def ask(self, *bodies: str) -> list[list[float] | Problem]:
        """Of requests that come at once, the scores or the problem of each."""

        async def one(body: str) -> list[float] | Problem:
            try:
                answered, _ = await self._predictor.answer("site", "churn", body.encode(), PredictQuery())
            except Problem as problem:
                return problem
            return [each.made.score for each in answered]

        async def together() -> list[list[float] | Problem]:
            return list(await asyncio.gather(*map(one, bodies)))

        return asyncio.run(together())


@pytest.fixture
def serving() -> Iterator[Serving]:
    with ThreadPoolExecutor(1) as executor:
        yield Serving(executor)


def rows(*values: float) -> str:
    return '{"rows": [' + ", ".join(f'{{"x": {value}}}' for value in values) + "]}"


def refused(found: list[float] | Problem) -> tuple[int, str, str]:
    assert isinstance(found, Problem)
    return found.status, found.kind, found.detail


def test_the_row_is_named_and_the_others_are_answered(serving: Serving) -> None:
    found = serving.ask('{"x": 1}', rows(2, 1e39, 3), '{"x": 1e39}', rows(4, 5))
    assert [found[0], found[3]] == [[2.0], [8.0, 10.0]]
    advice = "the model can't score it: Input X contains infinity; look for a number out of all proportion"
    assert refused(found[1]) == (422, "invalid-request", f"rows.1: {advice}")
    assert refused(found[2]) == (422, "invalid-request", f"row: {advice}")
    assert sorted(serving.kept.scores) == [2, 8, 10]


def test_of_many_rows_too(serving: Serving) -> None:
    values = [*range(20, 20 + MAX_INLINE_ROWS), 1e39]
    (found,) = serving.ask(rows(*values))
    assert refused(found)[2].startswith(f"rows.{MAX_INLINE_ROWS}: the model can't score it")


def test_a_fault_of_the_model_is_not_the_clients(serving: Serving) -> None:
    neighbour, found = serving.ask(rows(1), rows(2, 13))
    assert neighbour == [2.0]
    status, kind, detail = refused(found)
    assert (status, kind) == (500, "unscored")
    assert detail.startswith("rows.1: version 7 of churn fails to score it; this is a fault of the model")
