"""A small sample of the simulated experiments of `loadtest.ab_tests`: few false calls however often one looks."""

from __future__ import annotations

import pytest

from headrace.experiments.judge import judge
from loadtest.ab_pipeline import START_US, Way, experiment, is_called, run_many
from loadtest.ab_simulation import Plan, World
from loadtest.ab_tests import conversion_rates, mismatch_rates, rare_rates, revenue_rates, with_interval

PLAN = Plan(experiments=300, looks=30, people=6_000)


def test_looking_often_calls_nothing_that_is_not_there_where_a_z_test_does() -> None:
    found = {method: each["rate"] for method, each in conversion_rates(PLAN, 0.0, 11).items()}
    assert found["confidence_sequence"] <= 0.05 and found["confidence_sequence_cuped"] <= 0.05
    assert found["z_test_at_each_look"] > 0.2


def test_an_effect_is_found_and_more_often_with_the_past_known() -> None:
    found = {method: each["rate"] for method, each in conversion_rates(PLAN, 0.02, 12).items()}
    assert found["confidence_sequence"] > 0.5
    assert found["confidence_sequence_cuped"] > found["confidence_sequence"] + 0.05


def test_revenue_of_few_who_buy_much_makes_no_false_calls() -> None:
    assert revenue_rates(PLAN, 13)["confidence_sequence"]["rate"] <= 0.05


@pytest.mark.parametrize("treated", [0.1, 0.9])
def test_a_small_arm_in_which_few_convert_makes_no_false_calls(treated: float) -> None:
    found = rare_rates(PLAN, treated, 15)
    assert [each["rate"] <= 0.05 for each in found.values()] == [True, True]


def test_a_mismatch_is_found_and_none_is_not() -> None:
    assert mismatch_rates(PLAN, 0.5, 14)["sequential"]["rate"] == 0
    assert mismatch_rates(PLAN, 0.55, 14)["sequential"]["rate"] == 1


def test_the_whole_way_makes_the_sums_that_counting_makes() -> None:
    found = run_many(2, people=3_000, looks=5, effect=0.0, tell=lambda _: None)
    assert (found["sums_exact"], found["called"]) == (2, 0)


def test_the_whole_way_finds_a_large_effect() -> None:
    made = experiment("whole_way", 1)
    *_, last = Way(made, World(), 0.06, 1).run(4_000, 4)
    assert is_called(last.results) and last.results.decision.decided == "ship"
    assert not is_called(judge(made, [], START_US))


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0.0, 0.037), (50, 0.404, 0.596)])
def test_intervals_are_wilsons(hits: int, low: float, high: float) -> None:
    found = with_interval(hits, 100)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-3)
