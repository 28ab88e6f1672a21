"""What trials do to a prediction, and how often a value that training never saw counts."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.models.inputs import Input
from headrace.models.records import ModelVersion, Prediction, Promotion
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.records import decode, headers_of
from serve_api.predictions.asked import PredictQuery
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.predictor import Predictor
from serve_api.predictions.recorder import Recorder
from serve_api.predictions.served_version import ServedVersion
from serve_api.problems import Problem
from tests.served_models import INPUTS, ROW, TYPICAL, ModelMaker
from tests.unit.serve_api.written import Written

UNSEEN = {**ROW, "plan": "platinum"}
_HEADERS = headers_of(Prediction("a", "default", "usage", 1, "champion", 1, {}, 0.5))


class Asking:
    """One model, asked without HTTP."""

    def __init__(self, folder: Path, executor: ThreadPoolExecutor) -> None:
        self.maker = ModelMaker(folder)
        self.written = Written()
        self.registry = CollectorRegistry()
        metrics = PredictionMetrics(self.registry)
        deployments = Deployments()
        deployments.note_read()
        loader = VersionLoader(self.maker.keys, "KEYS", folder)
        self._swap = Swap(
            lambda name, version: ServedVersion(loader.load(name, version), executor), deployments, on_swap=metrics.show
        )
        self._predictor = Predictor(deployments, Recorder(self.written), metrics, SystemClock(), 10)

    def promote(self, champion: ModelVersion, **trials: Any) -> None:
        self._swap.apply(Promotion("usage", self.maker.made, champion, 1, **trials))

    def ask(self, *rows: dict[str, Any]) -> list[str]:
        """The roles that answered, when the shadow has ended too."""

        async def ask() -> list[str]:
            body = msgspec.json.encode({"rows": rows})
            answered, _ = await self._predictor.answer("default", "usage", body, PredictQuery())
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others)
            return [one.made.role for one in answered]

        return asyncio.run(ask())

    def recorded(self, role: str) -> list[Prediction]:
        found = [decode(value, _HEADERS) for value in self.written.values("predictions.made")]
        return [each for each in found if isinstance(each, Prediction) and each.role == role]

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"service": "serve_api", "model": "usage", **labels})

    def unseen(self) -> float | None:
        return self.value("headrace_prediction_unseen_total", input="plan")


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with ThreadPoolExecutor(1) as executor:
        yield Asking(tmp_path, executor)


@pytest.mark.parametrize("trial", [{}, {"canary_share": 1.0}, {"shadow": True}], ids=["alone", "canary", "shadow"])
def test_an_unseen_value_counts_once_whoever_scores_it(asking: Asking, trial: dict[str, Any]) -> None:
    champion, other = asking.maker.make(), asking.maker.make()
    trials: dict[str, Any] = {"shadow": other} if "shadow" in trial else {"canary": other, **trial} if trial else {}
    asking.promote(champion, **trials)
    asking.ask(UNSEEN, ROW, UNSEEN)
    assert asking.unseen() == 2


def test_what_kafka_did_not_confirm_does_not_count(asking: Asking) -> None:
    asking.promote(asking.maker.make())
    asking.written.is_away = True
    with pytest.raises(Problem, match="did not confirm"):
        asking.ask(UNSEEN)
    assert asking.unseen() == 0
    asking.written.is_away = False
    asking.ask(UNSEEN)
    assert asking.unseen() == 1


@pytest.mark.parametrize("change", ["one fewer", "one more that may be missing"])
def test_a_trial_may_have_other_inputs_where_the_rows_do_for_it(asking: Asking, change: str) -> None:
    if change == "one fewer":
        inputs = tuple(field for field in INPUTS if field.name != "since")
        typical = {name: value for name, value in TYPICAL.items() if name != "since"}
        trial = asking.maker.make(inputs=inputs, typical=typical)
    else:
        inputs = (*INPUTS, Input("extra", "number", nullable=True))
        trial = asking.maker.make(inputs=inputs)
    champion = asking.maker.make()
    asking.promote(champion, canary=trial, canary_share=1.0, shadow=trial)
    assert asking.ask(ROW, UNSEEN) == ["canary", "canary"]
    assert [each.features.keys() for each in asking.recorded("shadow")] == [{field.name for field in inputs}] * 2
    for role in ("canary", "shadow"):
        assert asking.value("headrace_prediction_trial_failures_total", role=role, reason="invalid_row") == 0


def test_a_trial_that_needs_what_rows_have_not_is_left_out(asking: Asking) -> None:
    strange = asking.maker.make(inputs=(*INPUTS, Input("more", "number")))
    asking.promote(asking.maker.make(), canary=strange, canary_share=1.0, shadow=strange)
    assert asking.ask(ROW) == ["champion"]
    for role in ("canary", "shadow"):
        assert asking.value("headrace_prediction_trial_failures_total", role=role, reason="invalid_row") == 1
