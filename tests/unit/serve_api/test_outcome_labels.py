"""What an outcome's label may be: only what is recorded as it was sent."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.models.manifest import Task
from headrace.models.records import Outcome, Promotion
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.records import decode, encode, headers_of
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.outcome_intake import OutcomeIntake
from serve_api.predictions.recorder import Recorder
from serve_api.predictions.served_version import ServedVersion
from serve_api.problems import Problem
from tests.served_models import ModelMaker
from tests.unit.serve_api.written import Written


class Intake:
    """The outcomes of one model."""

    def __init__(self, folder: Path) -> None:
        self.maker = ModelMaker(folder)
        self.written = Written()
        self.deployments = Deployments()
        loader = VersionLoader(self.maker.keys, "KEYS", folder)
        with ThreadPoolExecutor(1) as executor:
            self._swap = Swap(
                lambda name, version: ServedVersion(loader.load(name, version), executor), self.deployments
            )
        metrics = PredictionMetrics(CollectorRegistry())
        self._intake = OutcomeIntake(self.deployments, Recorder(self.written), metrics, SystemClock())

    def promote(self, task: Task | None = "regression") -> None:
        version = self.maker.make_online() if task is None else self.maker.make(task=task)
        self.deployments.note_read()
        self._swap.apply(Promotion("usage", self.maker.made, version, 1))

    def send(self, label: str) -> Outcome:
        """Sends a label as JSON has it; gives what readers of the topic find."""
        body = f'{{"id": "a", "model": "usage", "label": {label}}}'.encode()
        assert asyncio.run(self._intake.take("default", body)) == 1
        (value,) = self.written.values("predictions.outcomes")
        outcome = decode(value, headers_of(Outcome("a", "default", "usage", 1.0, 1)))
        assert isinstance(outcome, Outcome)
        assert encode(outcome)
        return outcome


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    intake = Intake(tmp_path)
    intake.promote()
    return intake


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("3", 3.0),
        ("-0.25", -0.25),
        ("1.7e308", 1.7e308),
        (str(2**53), 2.0**53),
        (str(-(2**53)), -(2.0**53)),
        ("1e20", 1e20),
    ],
)
def test_a_number_is_recorded_as_it_was_sent(intake: Intake, label: str, expected: float) -> None:
    assert intake.send(label).label == expected


@pytest.mark.parametrize(
    "label",
    [
        "1e400",
        "-1e999",
        "1" + "0" * 400,
        "-1" + "0" * 5_000,
        str(2**53 + 1),
        str(-(2**53) - 1),
        str(2**100),
        "NaN",
        "null",
    ],
    ids=lambda label: label[:12],
)
def test_what_would_be_recorded_as_another_is_refused(intake: Intake, label: str) -> None:
    with pytest.raises(Problem) as refused:
        intake.send(label)
    assert refused.value.status == 422
    assert refused.value.faults[0].name.split(".")[0] in ("label", "body")
    assert intake.written.values("predictions.outcomes") == []


def test_outcomes_of_an_online_model_are_taken_by_its_task(intake: Intake) -> None:
    intake.promote(None)
    assert intake.send("3.5").label == 3.5
    with pytest.raises(Problem, match="does a regression"):
        intake.send("true")


def test_until_promotions_were_read_an_outcome_is_not_refused_for_good(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="not read to its end") as unread:
        Intake(tmp_path).send("1")
    assert (unread.value.status, unread.value.kind) == (503, "models-unread")
