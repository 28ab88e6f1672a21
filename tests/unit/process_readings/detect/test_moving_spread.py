"""Level and spread of what was learned."""

import math
import statistics

import pytest

from process_readings.detect.members.moving_spread import CLIP, MovingSpread


def learned(values: list[float], power: int = 2, memory: int = 1_000) -> MovingSpread:
    spread = MovingSpread(power, memory)
    for value in values:
        spread.learn(value)
    return spread


def test_the_first_readings_count_alike() -> None:
    values = [float(at * 7919 % 101) for at in range(500)]
    spread = learned(values)
    assert spread.level == pytest.approx(statistics.fmean(values))
    assert spread.spread == pytest.approx(statistics.pstdev(values), rel=0.02)


def test_more_than_the_memory_is_forgotten() -> None:
    spread = learned([*[0.0, 1.0] * 500, *[10.0, 11.0] * 500], memory=100)
    assert spread.count == 100
    assert spread.level == pytest.approx(10.5, abs=0.1)


def test_a_higher_moment_is_wider_for_heavy_tails() -> None:
    values = [50.0 if at % 100 == 99 else float(at % 3) for at in range(1_000)]
    assert learned(values, power=3).spread > 1.5 * learned(values, power=2).spread


def test_one_reading_counts_for_at_most_a_hundred_spreads() -> None:
    values = [float(at % 3) for at in range(999)]
    before, after = learned(values), learned([*values, 1e300])
    assert after.level - before.level <= before.spread * CLIP / 999
    assert after.spread < 4.0 * before.spread
    assert after.distance(20.0) > 4.0


def test_a_constant_has_a_least_spread() -> None:
    spread = learned([7.0] * 100)
    assert spread.distance(7.0) == 0.0
    assert 1.0 < spread.distance(7.1) < math.inf
