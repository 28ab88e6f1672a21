"""What is decided of which sums, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.experiments.experiment import Experiment
from headrace.experiments.judge import judge
from headrace.experiments.results import MetricArm, Results
from headrace.interactions.records import ExperimentTotals, Sums
from tests.unit.headrace.experiments.trying import DAY, T0, experiment

THREE = {"control": {"share": 0.4}, "varied": {"share": 0.3}, "fresh": {"share": 0.3}}


def _rates(arm: str, people: int, partition: int = 0, enrolled: int | None = None, **rates: float) -> ExperimentTotals:
    """Metrics of 0 or 1, whose past says nothing."""
    metrics = {name: Sums(people, y := round(rate * people), y) for name, rate in rates.items()}
    return ExperimentTotals(
        "default", "variety", 1, arm, partition, T0, people if enrolled is None else enrolled, metrics
    )


def _two(**changes: Any) -> Experiment:
    return experiment(
        metrics={
            "bought": {"measure": "happened", "kinds": ["purchase"]},
            "left": {"measure": "happened", "kinds": ["click"], "better": "lower"},
        },
        guardrails=[{"metric": "left", "worse": "higher", "margin": 0.03}],
        **changes,
    )


def _judge(tried: Experiment, *totals: ExperimentTotals, now: int = T0) -> Results:
    return judge(tried, totals, now)


def _primary(results: Results, arm: str = "varied") -> MetricArm:
    return next(each for each in results.metrics[0].arms if each.arm == arm)


def test_sums_of_all_tasks_are_added_up() -> None:
    whole = _judge(experiment(), _rates("control", 4_000, bought=0.1), _rates("varied", 4_000, bought=0.13))
    parts = _judge(
        experiment(),
        _rates("control", 3_000, 0, bought=0.1),
        _rates("control", 1_000, 1, bought=0.1),
        _rates("varied", 4_000, 1, bought=0.13),
    )
    assert parts == whole
    assert (_primary(whole).mean, whole.arms[1].people) == (0.13, 4_000)


def test_other_experiments_revisions_and_sites_are_left_out() -> None:
    ours = [_rates("control", 1_000, bought=0.1), _rates("varied", 1_000, bought=0.1)]
    strange = _rates("varied", 1_000, 2, bought=0.9)
    others = [
        ExperimentTotals("elsewhere", "variety", 1, "varied", 2, T0, 1_000, strange.metrics),
        ExperimentTotals("default", "variety", 2, "varied", 2, T0, 1_000, strange.metrics),
        ExperimentTotals("default", "other", 1, "varied", 2, T0, 1_000, strange.metrics),
    ]
    assert _judge(experiment(), *ours, *others) == _judge(experiment(), *ours)


def test_nothing_seen_is_running_with_nothing_to_compare() -> None:
    found = _judge(_two())
    assert found.decision.decided == "running" and found.updated is None
    assert _primary(found).verdict == "too_few" and _primary(found).mean is None
    assert found.guardrails[0].state == "unclear"


def test_it_ships_what_is_better_where_every_guardrail_is_kept() -> None:
    found = _judge(
        _two(), _rates("control", 10_000, bought=0.10, left=0.2), _rates("varied", 10_000, bought=0.13, left=0.2)
    )
    assert (found.decision.decided, found.decision.arm) == ("ship", "varied")
    assert _primary(found).verdict == "better" and found.guardrails[0].state == "kept"


def test_it_ships_nothing_while_a_guardrail_is_not_clear() -> None:
    found = _judge(
        _two(), _rates("control", 10_000, bought=0.10, left=0.2), _rates("varied", 10_000, bought=0.13, left=0.22)
    )
    assert found.decision.decided == "running" and "varied better" in found.decision.reason
    assert found.guardrails[0].state == "unclear"


def test_it_stops_for_harm() -> None:
    found = _judge(
        _two(), _rates("control", 10_000, bought=0.10, left=0.2), _rates("varied", 10_000, bought=0.13, left=0.26)
    )
    assert (found.decision.decided, found.guardrails[0].state) == ("stop_for_guardrail", "harmed")


def test_it_stops_for_what_is_worse() -> None:
    found = _judge(experiment(), _rates("control", 10_000, bought=0.13), _rates("varied", 10_000, bought=0.10))
    assert found.decision.decided == "stop_as_worse" and _primary(found).verdict == "worse"


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_better_direction_is_the_metrics(better: str) -> None:
    metrics = {"bought": {"measure": "happened", "kinds": ["purchase"], "better": better}}
    found = _judge(
        experiment(metrics=metrics), _rates("control", 10_000, bought=0.10), _rates("varied", 10_000, bought=0.13)
    )
    assert found.decision.decided == ("ship" if better == "higher" else "stop_as_worse")


def test_arms_that_are_not_as_large_as_planned_make_it_invalid_whatever_else() -> None:
    found = _judge(
        experiment(), _rates("control", 10_000, bought=0.10), _rates("varied", 10_000, enrolled=10_900, bought=0.13)
    )
    assert found.decision.decided == "invalid" and found.sample_ratio.is_mismatched


def test_nothing_is_decided_before_the_least_people() -> None:
    totals = (_rates("control", 400, bought=0.05), _rates("varied", 400, bought=0.5))
    waiting = experiment(stop={"least_people": 401, "most_people": 1_000})
    assert _judge(waiting, *totals).decision.decided == "running"
    assert _judge(experiment(), *totals).decision.decided == "ship"


def test_at_the_last_of_the_people_or_after_its_end_it_is_inconclusive() -> None:
    totals = (_rates("control", 1_000, bought=0.1), _rates("varied", 1_000, bought=0.1))
    assert _judge(experiment(), *totals).decision.decided == "running"
    short = experiment(stop={"most_people": 1_000})
    assert _judge(short, *totals).decision.decided == "inconclusive"
    ended = experiment(end="2026-01-01T00:00:00Z")
    end_us = ended.end_us or 0
    assert _judge(ended, *totals, now=end_us + DAY - 1).decision.decided == "running"
    assert _judge(ended, *totals, now=end_us + DAY).decision.decided == "inconclusive"


def test_the_best_of_several_arms_is_shipped() -> None:
    found = _judge(
        experiment(arms=THREE),
        _rates("control", 8_000, bought=0.10),
        _rates("varied", 6_000, bought=0.13),
        _rates("fresh", 6_000, bought=0.14),
    )
    assert found.decision.arm == "fresh"


def test_several_arms_need_more_than_one_would() -> None:
    """Holm's over the arms: the same difference, once alone and once beside another arm."""
    rates = (_rates("control", 8_000, bought=0.10), _rates("varied", 6_000, bought=0.1175))
    alone = _judge(experiment(arms={"control": {"share": 4 / 7}, "varied": {"share": 3 / 7}}), *rates)
    beside = _judge(experiment(arms=THREE), *rates, _rates("fresh", 6_000, bought=0.10))
    one, other = _primary(alone), _primary(beside)
    assert one.p == other.p and one.adjusted_p == one.p
    assert other.adjusted_p == pytest.approx(2 * (other.p or 0)) and other.verdict == "unclear" != one.verdict


def test_metrics_besides_the_primary_one_do_not_make_it_harder() -> None:
    totals = [_rates(arm, 9_000, bought=rate, left=0.2) for arm, rate in (("control", 0.1), ("varied", 0.12))]
    alone = experiment(metrics={"bought": {"measure": "happened", "kinds": ["purchase"]}})
    assert _primary(_judge(_two(), *totals)) == _primary(_judge(alone, *totals))


def test_a_holdout_is_shown_and_decides_nothing() -> None:
    found = _judge(
        experiment(holdout=0.2),
        _rates("control", 4_000, bought=0.10),
        _rates("varied", 4_000, bought=0.10),
        _rates("holdout", 2_000, bought=0.30),
    )
    assert found.decision.decided == "running" and _primary(found, "holdout").verdict == "better"
    assert [each.share for each in found.arms] == pytest.approx([0.4, 0.4, 0.2])


def test_a_holdout_does_not_make_it_harder_for_the_arms() -> None:
    totals = (_rates("control", 4_000, bought=0.10), _rates("varied", 4_000, bought=0.118))
    arm = _primary(_judge(experiment(holdout=0.2), *totals, _rates("holdout", 2_000, bought=0.10)))
    assert arm.adjusted_p == arm.p and 0 < (arm.p or 0) < 0.5
