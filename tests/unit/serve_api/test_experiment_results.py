"""When results of experiments are computed, for whom, and what `/metrics` shows of them."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from headrace.experiments.experiments import Experiments
from headrace.interactions.records import ExperimentTotals, Sums
from headrace.testing import FakeClock
from serve_api.experiments.experiment_results import ExperimentResults
from serve_api.experiments.metrics import ExperimentMetrics
from serve_api.problems import Problem
from tests.unit.headrace.experiments.trying import T0, experiment

EXPERIMENTS = Experiments(
    [experiment(), experiment(name="ended", end="2026-01-01T00:00:00Z"), experiment(name="far", target={"site": "far"})]
)


class Read:
    """What was read of the sums so far."""

    def __init__(self) -> None:
        self.clock = FakeClock(T0)
        self.read: tuple[int, list[ExperimentTotals]] | None = None
        self.results = ExperimentResults(EXPERIMENTS, lambda: self.read, lambda: None, self.clock)

    def take(self, people: int, bought: int, arm: str = "varied", site: str = "default", name: str = "variety") -> None:
        version, totals = self.read or (0, [])
        sums = {"bought": Sums(people, bought, bought)}
        self.read = version + 1, [*totals, ExperimentTotals(site, name, 1, arm, version, T0, people, sums)]


def test_there_are_no_results_before_the_sums_are_read() -> None:
    read = Read()
    for ask in (lambda: read.results.of("default", "variety"), lambda: read.results.of_site("default")):
        with pytest.raises(Problem) as refused:
            ask()
        assert refused.value.status == 503
    assert read.results.known() == []


def test_new_sums_make_new_results() -> None:
    read = Read()
    read.take(100, 10)
    before = read.results.of("default", "variety")
    assert read.results.of("default", "variety") is before
    read.take(300, 70)
    arm = read.results.of("default", "variety").metrics[0].arms[1]
    assert (arm.people, arm.mean) == (400, 0.2)


def test_a_site_sees_its_own_experiments_alone() -> None:
    read = Read()
    read.take(100, 10)
    read.take(100, 10, site="far", name="far")
    assert [each.experiment for each in read.results.of_site("default")] == ["ended", "variety"]
    assert [each.experiment for each in read.results.of_site("far")] == ["far"]
    with pytest.raises(Problem, match="there is no experiment far") as refused:
        read.results.of("default", "far")
    assert refused.value.status == 404


def test_an_experiment_ends_by_the_clock_without_new_sums() -> None:
    read = Read()
    for arm in ("control", "varied"):
        read.take(1_000, 100, arm, name="ended")
    ended = EXPERIMENTS.get("ended")
    assert ended is not None and ended.end_us is not None
    read.clock.advance((ended.end_us - T0) / 1e6)
    assert read.results.of("default", "ended").decision.decided == "running"
    read.clock.advance(86_400)
    assert read.results.of("default", "ended").decision.decided == "inconclusive"


def test_metrics_show_what_there_is_and_nothing_before_it_is_read() -> None:
    read, registry = Read(), CollectorRegistry()
    metrics = ExperimentMetrics(registry)
    assert "{" not in generate_latest(registry).decode()
    metrics.watch(read.results.known)
    assert "{" not in generate_latest(registry).decode()
    read.take(1_000, 100, "control")
    read.take(1_000, 150)
    lines = generate_latest(registry).decode().splitlines()
    labels = 'arm="varied",experiment="variety",metric="bought",service="serve_api"'
    assert f"headrace_experiment_mean{{{labels}}} 0.15" in lines
    assert f"headrace_experiment_people{{{labels}}} 1000.0" in lines
    decided = [line for line in lines if line.startswith("headrace_experiment_decision{") and "variety" in line]
    assert len(decided) == 6 and sum(line.endswith(" 1.0") for line in decided) == 1
    # An experiment without sums has no difference to show, and does have people: none.
    assert not any('experiment="far"' in line and "difference" in line for line in lines)
    assert any(line.startswith("headrace_experiment_enrolled{") and 'experiment="far"' in line for line in lines)


@pytest.mark.parametrize(("state", "shown"), [("running", 1), ("paused", 0), ("ended", 0)])
def test_metrics_show_whether_an_experiment_runs_so_that_nobody_is_alarmed_about_one_that_does_not(
    state: str, shown: float
) -> None:
    results = ExperimentResults(Experiments([experiment(state=state)]), lambda: (0, []), lambda: None, FakeClock(T0))
    registry = CollectorRegistry()
    ExperimentMetrics(registry).watch(results.known)
    labels = {"service": "serve_api", "experiment": "variety"}
    assert registry.get_sample_value("headrace_experiment_running", labels) == shown


def test_metrics_show_which_guardrail_is_harmed_in_which_arm() -> None:
    guardrail = {"metric": "bought", "worse": "lower", "margin": 0.01}
    experiments = Experiments([experiment(primary="clicks", guardrails=[guardrail])])
    totals: list[ExperimentTotals] = []
    results = ExperimentResults(experiments, lambda: (len(totals), totals), lambda: None, FakeClock(T0))
    registry = CollectorRegistry()
    ExperimentMetrics(registry).watch(results.known)

    def harmed() -> float | None:
        labels = {"service": "serve_api", "experiment": "variety", "arm": "varied", "metric": "bought"}
        return registry.get_sample_value("headrace_experiment_guardrail_harmed", labels)

    assert harmed() == 0
    for arm, bought in (("control", 800), ("varied", 400)):
        sums = {"bought": Sums(4_000, bought, bought)}
        totals.append(ExperimentTotals("default", "variety", 1, arm, 0, T0, 4_000, sums))
    assert harmed() == 1
