"""What the benchmark of detectors compares, and a threshold that is judged where it was not chosen."""

import random

import pytest

from loadtest.detect import contenders
from loadtest.glitches import Point, Series, judge_held_out
from process_readings.detect.members.by_name import MEMBERS
from process_readings.detect.registry import DEFAULT_DETECTOR

COUNT = 1_500


def _points(drop: float, seed: int, smaller: float = 0.0) -> list[Point]:
    """Noise of 0.1, a labelled drop in every 100 readings, and half-way to the next a smaller one without a label."""
    rng = random.Random(seed)
    points = []
    for at in range(COUNT):
        off = drop if at % 100 == 99 and at > 200 else smaller if at % 100 == 49 and at > 200 else 0.0
        points.append(Point(at * 5_000_000, rng.gauss(20.0, 0.1) - off, off == drop > 0.0))
    return points


def test_all_detectors_and_each_member_alone_are_compared() -> None:
    made = contenders()
    assert set(made) == {DEFAULT_DETECTOR, "robust_level", "holt_winters", *[f"{name} alone" for name in MEMBERS]}
    assert len({len(make().state()) for make in made.values()}) > 5
    for make in made.values():
        assert make() is not make()


def test_a_device_is_judged_with_the_threshold_that_the_others_gave() -> None:
    series: Series = {("a", "temp"): _points(6.4, 1, smaller=1.5), ("b", "temp"): _points(2.5, 2)}
    found = judge_held_out(series, range(8, 60, 2))
    # "a" wants more than its smaller drops, of 10 to 15 spreads; "b" is well with the least.
    assert found.thresholds["b"] > 10.0 > found.thresholds["a"]
    assert found.precision["a"] == pytest.approx(0.5, abs=0.1)
    assert found.recall["a"] == found.recall["b"] == found.precision["b"] == 1.0


def test_a_device_without_glitches_counts_with_its_false_alarms_alone() -> None:
    series: Series = {("a", "temp"): _points(6.4, 1), ("b", "temp"): _points(0.0, 2, smaller=6.4)}
    found = judge_held_out(series, [8])
    assert set(found.recall) == {"a"}
    assert found.total_recall == 1.0
    assert found.total_precision == pytest.approx(0.5, abs=0.05)
