"""Quantiles of histograms are those of Prometheus's histogram_quantile."""

from __future__ import annotations

import math

import pytest

from loadtest.quantiles import difference, quantile

BUCKETS = {0.1: 50.0, 0.5: 90.0, 1.0: 100.0, math.inf: 100.0}


@pytest.mark.parametrize(
    ("share", "value"), [(0.25, 0.05), (0.5, 0.1), (0.7, 0.3), (0.9, 0.5), (0.95, 0.75), (1.0, 1.0)]
)
def test_lies_on_a_straight_line_within_its_bucket(share: float, value: float) -> None:
    assert quantile(share, BUCKETS) == pytest.approx(value)


def test_beyond_the_last_bound_is_the_last_bound() -> None:
    assert quantile(0.99, {1.0: 10.0, math.inf: 100.0}) == 1.0


def test_of_nothing_is_nan() -> None:
    assert math.isnan(quantile(0.5, {1.0: 0.0, math.inf: 0.0}))


def test_difference_is_what_came_between() -> None:
    after = {bound: count * 3 for bound, count in BUCKETS.items()}
    assert difference(BUCKETS, after) == {0.1: 100.0, 0.5: 180.0, 1.0: 200.0, math.inf: 200.0}
