"""Whatever doubles a device sends, the online models go on, and what they write can be read."""

import random
from collections.abc import Callable
from itertools import pairwise
from math import inf, isfinite, isnan, nan
from typing import Any

import pytest

from process_predictions.online.history import LIMIT
from process_predictions.online.learner import Learner
from tests.unit.process_predictions.online_driver import MONDAY, OnlineDriver, daily, shipped, window

HOURS = 110
SEEDS = 4


def _of_any_size(numbers: random.Random, least: float, most: float) -> float:
    size: float = 10.0 ** numbers.uniform(least, most)
    return numbers.choice([-1.0, 1.0]) * size


def _few_huge(numbers: random.Random) -> list[float]:
    values = daily(HOURS)
    for _ in range(numbers.randint(1, 6)):
        values[numbers.randrange(HOURS)] = _of_any_size(numbers, 50, 308)
    return values


def _huge_from_then_on(numbers: random.Random) -> list[float]:
    begin = numbers.randint(50, 60)
    return daily(begin) + [_of_any_size(numbers, 90, 100) for _ in range(HOURS - begin)]


def _tiny(numbers: random.Random) -> list[float]:
    return [_of_any_size(numbers, -320, -100) for _ in range(HOURS)]


def _zeros_and_tiny(numbers: random.Random) -> list[float]:
    return [0.0 if numbers.random() < 0.8 else _of_any_size(numbers, -165, -155) for _ in range(HOURS)]


def _garbage(numbers: random.Random) -> list[float]:
    odd = [nan, inf, -inf, 0.0, -0.0, 1.7976931348623157e308, 5e-324]
    return [numbers.choice(odd) if numbers.random() < 0.1 else _of_any_size(numbers, -320, 308) for _ in range(HOURS)]


@pytest.mark.parametrize("kind", [_few_huge, _huge_from_then_on, _tiny, _zeros_and_tiny, _garbage])
def test_no_value_ends_the_models_or_makes_what_they_write_unreadable(
    kind: Callable[[random.Random], list[float]],
) -> None:
    for _ in range(SEEDS):
        seed = random.randrange(2**32)
        print(f"seed {seed}")  # noqa: T201 - pytest shows it where this fails
        driver = OnlineDriver()
        driver.feed(kind(random.Random(seed)))
        made = driver.predictions()
        assert all(isfinite(each.score) for each in made)
        assert all(isfinite(value) for each in made for value in each.features.values() if isinstance(value, float))
        assert all(isfinite(outcome.label) for outcome in driver.outcomes().values())
        for quality in driver.rules.counts.quality.values():
            sums = (quality.first, quality.squared, quality.base_first, quality.base_squared)
            late = (quality.late_first, quality.late_base)
            assert all(isfinite(each) for each in (*sums, *late, *quality.predicted.values(), *quality.came.values()))


@pytest.mark.parametrize("field", ["mean", "min", "max"])
@pytest.mark.parametrize("value", [1.1e100, -1e300])
def test_a_window_with_a_value_out_of_range_is_passed_over_as_if_it_had_not_come(field: str, value: float) -> None:
    plain, spiked = OnlineDriver(), OnlineDriver()
    values = daily(100)
    plain.feed(values)
    spiked.feed(values[:70])
    changes: dict[str, Any] = {field: value}
    spiked.send([window(MONDAY + 69, 20.0, minute=30, **changes)])
    spiked.feed(values[70:], MONDAY + 70)
    assert spiked.rules.counts.out_of_range == 1
    assert [(each.id, each.score) for each in spiked.predictions()] == [
        (each.id, each.score) for each in plain.predictions()
    ]


def test_a_window_without_readings_is_passed_over() -> None:
    driver = OnlineDriver()
    driver.send([window(MONDAY, 20.0, count=0)])
    driver.feed(daily(3), MONDAY + 1)
    assert (driver.rules.counts.out_of_range, driver.rules.counts.windows) == (1, 3)


def test_values_within_the_range_are_predicted_within_it() -> None:
    driver = OnlineDriver()
    driver.feed([LIMIT if hour % 2 else -LIMIT for hour in range(HOURS)])
    scores = [each.prediction.score for each in driver.made("next_hour")]
    assert len(scores) == HOURS - 1
    assert all(abs(score) <= LIMIT for score in scores)


def test_where_changes_are_too_small_to_divide_by_models_go_on() -> None:
    driver = OnlineDriver()
    driver.feed([5.0] * 60 + [2.5e-162 * (hour % 2) for hour in range(60)])
    scores = [each.prediction.score for each in driver.made("next_hour")]
    assert all(before <= 10.0 for before, _ in pairwise(scores))
    assert driver.rules.counts.windows == 120


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_variant_without_a_finite_forecast_says_what_one_without_a_model_does(value: float) -> None:
    """The second forecast, of a variant that has forgotten all, isn't finite either where its features aren't."""
    answers = []
    for model in shipped():
        for variant in model.variants:
            learner = Learner(model, variant, bytes(8))
            for number in range(5):
                learner.learn(dict.fromkeys(variant.features, float(number)), number % 2)
            answers.append(learner.predict(dict.fromkeys(variant.features, value), otherwise=0.125))
            again = learner.predict(dict.fromkeys(variant.features, value), otherwise=0.25)
            assert isfinite(answers[-1]) and isfinite(again)
    if isnan(value):
        assert 0.125 in answers


def test_no_error_makes_the_sums_of_quality_infinite() -> None:
    driver = OnlineDriver()
    driver.feed([*(1e-99 * (hour % 2) for hour in range(60)), 1e99, *daily(5)])
    (quality, *_) = driver.rules.counts.quality.values()
    assert all(isfinite(each) for each in (quality.squared, quality.base_squared, quality.first, quality.late_first))
    assert quality.first >= 1e50
