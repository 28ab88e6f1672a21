"""Distances become probabilities: of the prior at first, of the series itself where it has been as far."""

import math
import random
from itertools import pairwise

import pytest

from process_readings.detect.tail_calibrator import MEMORY, NU, PARTS, TailCalibrator


def test_near_readings_are_no_surprise() -> None:
    assert TailCalibrator().surprise(0.0) == TailCalibrator().surprise(0.999) == 0.0


@pytest.mark.parametrize("distance", [1.0, 3.0, 8.0, 1e3])
def test_nothing_known_is_the_prior(distance: float) -> None:
    prior = 0.5 * NU * math.log10(1.0 + distance**2 / NU)
    assert TailCalibrator().surprise(distance) == pytest.approx(prior)


def test_the_far_tail_is_ranked_without_a_ceiling() -> None:
    tail = TailCalibrator()
    for at in range(5_000):
        tail.learn(float(at % 4))
    surprises = [tail.surprise(10.0**power) for power in range(1, 100, 7)]
    assert all(later > earlier for earlier, later in pairwise(surprises))
    assert math.isfinite(tail.surprise(math.inf))


def test_what_comes_once_in_a_hundred_is_as_probable_as_that() -> None:
    tail = TailCalibrator()
    for at in range(6_000):
        tail.learn(40.0 if at % 100 == 0 else 0.5)
    assert tail.surprise(30.0) == pytest.approx(2.0, abs=0.05)
    assert tail.surprise(400.0) > 5.0


def test_a_little_further_is_a_little_more_surprising() -> None:
    rng, tail = random.Random(20261128), TailCalibrator()
    for _ in range(5_000):
        tail.learn(rng.paretovariate(1.2))
    surprises = [tail.surprise(1.002**at) for at in range(2_000)]
    assert all(0.0 <= later - earlier < 0.02 for earlier, later in pairwise(surprises))


def test_what_counts_in_part_is_less_usual() -> None:
    whole, part = TailCalibrator(), TailCalibrator()
    for _ in range(50):
        whole.learn(30.0)
        part.learn(30.0, PARTS // 4)
    assert whole.surprise(20.0) < part.surprise(20.0) < TailCalibrator().surprise(20.0)


def test_old_counts_fade() -> None:
    tail = TailCalibrator()
    for _ in range(50):
        tail.learn(40.0)
    before = tail.surprise(30.0)
    for _ in range(8 * MEMORY):
        tail.learn(0.5)
    assert tail.surprise(30.0) > before + 2.0


def test_a_restored_one_goes_on_to_the_bit() -> None:
    one, other = TailCalibrator(), TailCalibrator()
    for at in range(MEMORY + 500):
        one.learn(1.003**at if at < 3_000 else math.inf)
    other.restore(one.state())
    assert other.state() == one.state()
    assert len(one.state()) == 52
    assert [other.surprise(1.1**power) for power in range(100)] == [one.surprise(1.1**power) for power in range(100)]
