"""One simulated experiment the whole way: assignment, answers, interactions, accumulators, and a look at their sums."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headrace.experiments.accumulators import Accumulators
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.experiments.judge import judge
from headrace.experiments.parts import Part
from headrace.experiments.results import Results
from headrace.experiments.task_totals import TaskTotals
from headrace.interactions.records import Interaction, Recommendation, Sums
from loadtest.ab_simulation import World

START_US = 1_767_571_200_000_000
HOUR_US = 3_600_000_000
_SITE = "default"


def experiment(name: str, seed: int) -> Experiment:
    """Two arms, half each; conversion in a day, with two weeks of past."""
    return Experiment.model_validate(
        {
            "name": name,
            "salt": f"{name} {seed}",
            "state": "running",
            "start": "2026-01-01T00:00:00Z",
            "arms": {"control": {"share": 0.5}, "treatment": {"share": 0.5}},
            "metrics": {"bought": {"measure": "happened", "kinds": ["purchase"]}},
            "primary": "bought",
        }
    )


@dataclass(frozen=True)
class Looked:
    """A look, and what the sums must be by counting people alone."""

    results: Results
    expected: dict[str, Sums]
    found: dict[str, Sums]


class Way:
    """Sends people through one experiment.

    Args:
        effect: what the treatment adds to the probability to convert.
    """

    def __init__(self, made: Experiment, world: World, effect: float, seed: int) -> None:
        self._experiment = made
        self._experiments = Experiments([made])
        self._rules = Accumulators(self._experiments)
        self._totals = TaskTotals()
        self._world = world
        self._effect = effect
        self._random = random.Random(seed)
        self._expected = {arm: [0] * 4 for arm in made.arms}

    def run(self, people: int, looks: int) -> Iterator[Looked]:
        """A look after each `people // looks` people."""
        for number in range(1, looks * (people // looks) + 1):
            self._send(f"subject-{number}")
            if number % (people // looks) == 0:
                yield self._look()

    def _send(self, subject: str) -> None:
        part, now = Part(), START_US
        arm = self._experiments.arms_of(_SITE, subject, "home", now)[self._experiment.name]
        world, effect = self._world, self._effect if arm != self._experiment.control else 0.0
        had_before = self._random.random() < world.had_before
        converts = self._random.random() < (world.if_before if had_before else world.if_not) + effect
        if had_before:
            self._buy(part, subject, now - 30 * HOUR_US)
        made = Recommendation("answer", _SITE, subject, "home", now, (), {self._experiment.name: arm})
        self._totals.apply(self._rules.enrol(part, made, now))
        if converts:
            self._buy(part, subject, now + HOUR_US)
        self._totals.apply(self._rules.mature(part, now + 24 * HOUR_US))
        self._expected[arm][2 * (not had_before) + (not converts)] += 1

    def _buy(self, part: Part, subject: str, now: int) -> None:
        bought = Interaction(f"{subject} {now}", _SITE, subject, "purchase", now, now, item="a")
        self._totals.apply(self._rules.count(part, bought, 5.0, now))

    def _look(self) -> Looked:
        name = self._experiment.name
        records = [self._totals.record(_SITE, name, arm, 0, START_US) for _, arm in self._totals.arms()]
        found = {each.arm: each.metrics["bought"] for each in records}
        expected = {arm: _sums(*cells) for arm, cells in self._expected.items()}
        return Looked(judge(self._experiment, records, START_US), expected, found)


def _sums(both: int, before: int, after: int, neither: int) -> Sums:
    y, x = both + after, both + before
    return Sums(both + before + after + neither, y, y, x, x, both)


def is_called(results: Results) -> bool:
    """Whether the treatment's primary metric is told apart from the control's."""
    (primary,) = (each for each in results.metrics if each.role == "primary")
    return any(each.verdict in ("better", "worse") for each in primary.arms)


def run_many(count: int, people: int, looks: int, effect: float, tell: Callable[[str], None]) -> dict[str, object]:
    """How many of so many experiments were called at any look, and whether all sums were what counting says."""
    called = exact = 0
    for seed in range(count):
        seen = list(Way(experiment("whole_way", seed), World(), effect, seed).run(people, looks))
        called += any(is_called(each.results) for each in seen)
        exact += all(each.found == each.expected for each in seen)
        tell(f"whole way {seed + 1}/{count}")
    return {"experiments": count, "people": people, "looks": looks, "called": called, "sums_exact": exact}
