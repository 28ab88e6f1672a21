"""Every detector turns steps into a threshold of its own, from which the way back leads to where it was."""

import random
from typing import Any

import pytest

from process_readings.detect.detector import Detector
from process_readings.detect.judge import Judge
from process_readings.detect.registry import detector_names, make_detector
from process_readings.detect.robust_level import RobustLevel
from process_readings.feedback import LEAST, MOST

PARAMETERS: dict[str, dict[str, Any]] = {"half_space_trees": {"low": 0.0, "high": 100.0}}
STEP_US = 300_000_000
names = pytest.mark.parametrize("name", detector_names())


def make(name: str) -> Detector:
    return make_detector(name, **PARAMETERS.get(name, {}))


def learned(name: str, count: int = 800) -> Detector:
    detector, rng = make(name), random.Random(8)
    for at in range(count):
        detector.observe(round(rng.gauss(20.0, 0.5), 1), at * STEP_US)
    return detector


def threshold(detector: Detector) -> float:
    verdict = detector.score_one(20.0, 801 * STEP_US)
    assert verdict
    return verdict.threshold


@names
def test_more_steps_are_a_higher_threshold_and_none_is_its_own(name: str) -> None:
    detector = learned(name)
    own, found = threshold(detector), []
    for steps in range(LEAST, MOST + 1):
        detector.heed(steps)
        found.append(threshold(detector))
    assert found == sorted(set(found))
    assert 0.0 < found[0] < own < found[-1]
    detector.heed(0)
    assert threshold(detector) == own


@names
def test_what_was_an_anomaly_is_none_above_the_moved_threshold_and_its_score_stays(name: str) -> None:
    plain, moved = learned(name), learned(name)
    value = next(step / 100 for step in range(2_000, 10_000) if _is_anomaly(plain, step / 100))
    moved.heed(MOST)
    before, after = plain.score_one(value, 801 * STEP_US), moved.score_one(value, 801 * STEP_US)
    assert before
    assert after
    assert (before.is_anomaly, after.is_anomaly) == (True, False)
    assert after.score == before.score


@names
def test_steps_are_no_part_of_the_state(name: str) -> None:
    one, other = learned(name, 200), make(name)
    before = one.state()
    one.heed(MOST)
    assert one.state() == before
    other.heed(MOST)
    other.restore(before)
    assert other.score_one(90.0, 801 * STEP_US) == one.score_one(90.0, 801 * STEP_US)


@names
def test_a_detectors_name_is_its_family(name: str) -> None:
    assert make(name).family == name, "feedback is of a family, and finds its series by the name"


def test_a_step_is_a_fixed_ratio_of_what_is_expected() -> None:
    judge, level = Judge(1, 2.4), RobustLevel(8.0)
    for steps, expected in ((1, 2.6), (8, 4.0), (-2, 2.0)):
        judge.heed(steps)
        level.heed(steps)
        assert judge.threshold == pytest.approx(expected)
        assert level.threshold == pytest.approx(8.0 * 1.15**steps)


def test_a_low_threshold_stays_above_zero() -> None:
    judge = Judge(1, 0.5)
    judge.heed(LEAST)
    assert judge.threshold == 0.25


def _is_anomaly(detector: Detector, value: float) -> bool:
    verdict = detector.score_one(value, 801 * STEP_US)
    return verdict is not None and verdict.is_anomaly
