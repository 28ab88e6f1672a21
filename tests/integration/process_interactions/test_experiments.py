"""Experiments on a real Kafka: sums that survive kills, and a command line that shows and recomputes them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from typer.testing import CliRunner, Result

from deploy.local.stack import Stack
from headrace.cli import build_cli
from headrace.experiments.experiments import Experiments
from headrace.experiments.folder import load_experiments
from headrace.experiments.task_totals import key_of
from headrace.experiments.totals_topics import read_totals
from headrace.interactions.records import MADE, RAW, TOTALS, ExperimentTotals, Interaction, Recommendation
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from tests.integration.process_interactions.learning_process import LearningProcess, learning_process

pytestmark = pytest.mark.integration
PEOPLE = 400
CLICKS = 3


class Summed(NamedTuple):
    """People enrolled, people counted, and the clicks that they made before they were in the experiment."""

    enrolled: int
    people: int
    clicks_before: int


class TriedShop:
    """A site of its own on the session's Kafka, with an experiment of one second, and the process that sums it up."""

    def __init__(self, process: LearningProcess, brokers: str, folder: Path) -> None:
        self.process = process
        self.brokers = brokers
        self.folder = folder
        self.name = f"tried_{secrets.token_hex(4)}"
        self.people = [f"{secrets.token_urlsafe(16)}" for _ in range(PEOPLE)]
        self._producer = Producer(brokers, "test")
        (folder / f"{self.name}.yaml").write_text(
            yaml.safe_dump(
                {
                    "state": "running",
                    "start": "2020-01-01T00:00:00Z",
                    "target": {"site": process.site},
                    "arms": {"control": {"share": 0.5}, "varied": {"share": 0.5}},
                    "window_hours": 1 / 3_600,
                    "metrics": {"clicks": {"measure": "count", "kinds": ["click"]}},
                    "primary": "clicks",
                }
            )
        )

    @property
    def experiments(self) -> Experiments:
        return load_experiments(self.folder)

    def show(self) -> None:
        """Everybody an answer, in their arms."""
        tried = self.experiments
        for subject in self.people:
            arms = tried.arms_of(self.process.site, subject, "home", 1_700_000_000_000_000)
            record = Recommendation(f"r-{subject}", self.process.site, subject, "home", 1, (), arms)
            self._producer.produce(MADE, encode(record), subject.encode(), headers_of(record))
        self._producer.flush(30)

    def act(self, kind: str, number: int) -> None:
        """Everybody does something, which is sent twice."""
        for subject in self.people:
            done = Interaction(f"{kind}-{number}", self.process.site, subject, kind, 1, 1, item="a")  # type: ignore[arg-type]
            for _ in range(2):
                self._producer.produce(RAW, encode(done), subject.encode(), headers_of(done))
        self._producer.flush(30)

    def sums(self) -> Summed:
        """Of all arms and tasks."""
        mine = [each for each in read_totals(self.brokers) if each.experiment == self.name]
        clicks = [each.metrics["clicks"] for each in mine if "clicks" in each.metrics]
        return Summed(
            sum(each.enrolled for each in mine), sum(each.n for each in clicks), sum(each.x for each in clicks)
        )

    def forge(self) -> None:
        """Sums that nobody made."""
        record = ExperimentTotals(self.process.site, self.name, 1, "control", 0, 1, 7)
        self._producer.produce(TOTALS, encode(record), key_of(self.name, "control", 0), headers_of(record))
        self._producer.flush(30)

    def wait_until_counted(self) -> None:
        """Time goes on by interactions alone, so there is another one at each look."""
        numbers = iter(range(10_000))

        def is_counted() -> bool:
            self.act("view", next(numbers))
            return self.sums().people == PEOPLE

        wait_until(is_counted, f"all people counted, not {self.sums()}", 90, every=0.5)

    def run(self, *arguments: str) -> Result:
        environment = {"PROCESS_INTERACTIONS_EXPERIMENTS": str(self.folder), "COLUMNS": "200"}
        return CliRunner(env=environment).invoke(
            build_cli(), ["experiments", *arguments, "--brokers", self.brokers, "--folder", str(self.folder)]
        )


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TriedShop]:
    folder = tmp_path_factory.mktemp("experiments")
    with learning_process(stack.brokers, folder) as process:
        shop = TriedShop(process, stack.brokers, folder / "experiments")
        process.start()
        for number in range(CLICKS):
            shop.act("click", number)
        wait_until(lambda: "headrace_" in process.metrics(), f"the process; {process.log.read_text()[-500:]}", 90)
        process.kill()
        process.start()
        shop.show()
        wait_until(lambda: shop.sums().enrolled > 0, f"people enrolled; {process.log.read_text()[-500:]}", 90)
        process.kill()
        process.start()
        shop.wait_until_counted()
        yield shop


def test_everybody_and_everything_is_counted_once_through_two_kills(shop: TriedShop) -> None:
    assert shop.sums() == (PEOPLE, PEOPLE, CLICKS * PEOPLE)


def test_the_command_line_shows_the_results(shop: TriedShop, tmp_path: Path) -> None:
    listed = shop.run("list")
    assert shop.name in listed.output and "400" in listed.output and "Running" in listed.output
    found = json.loads(shop.run("results", shop.name, "--json").output)
    assert sum(each["people"] for each in found["arms"]) == PEOPLE
    assert not found["sample_ratio"]["is_mismatched"]
    assert "arms as large as planned: yes" in shop.run("results", shop.name).output
    page = tmp_path / "report.html"
    assert shop.run("report", shop.name, str(page)).exit_code == 0
    assert f"Experiment {shop.name}" in page.read_text()


def test_an_unknown_experiment_is_refused_with_those_that_there_are(shop: TriedShop) -> None:
    refused = shop.run("results", "nothing")
    assert refused.exit_code == 1 and f"known are: {shop.name}" in str(refused.exception)


def test_a_recomputation_finds_the_same_and_tells_what_is_not(shop: TriedShop) -> None:
    shop.process.kill()
    same = shop.run("recompute")
    assert same.exit_code == 0 and "the same" in same.output, same.output
    shop.forge()
    other = shop.run("recompute")
    assert other.exit_code == 1 and f"{shop.name}/1/control/0: stored {{'enrolled': 7}}" in other.output
