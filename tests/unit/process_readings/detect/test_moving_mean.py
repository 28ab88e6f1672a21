"""What the mean of the last readings takes for usual after an alarm."""

import random

import pytest

from process_readings.detect.members.moving_mean import REVIEW, MovingMean

SEED = 20261128
STEP = 40.0


def after(values: list[float]) -> MovingMean:
    """The first of them is an alarm; before it came 1,000 readings around 20 that vary by 0.5."""
    rng = random.Random(SEED)
    member = MovingMean(8)
    for _ in range(1_000):
        member.learn(rng.gauss(20.0, 0.5), 0, False)
    for at, value in enumerate(values):
        member.learn(value + rng.gauss(0.0, 0.5), 0, at == 0)
    return member


def test_what_lasts_is_the_new_level_with_the_spread_from_before() -> None:
    member = after([20.0 + STEP] * REVIEW)
    assert member.expected(60.0, 0) == pytest.approx(60.0, abs=0.5)
    assert member.distance(60.0, 0) < 2.0
    assert member.distance(80.0, 0) > 8.0


def test_what_is_over_before_the_review_leaves_the_level() -> None:
    member = after([20.0 + STEP] * 10 + [20.0] * (REVIEW - 10))
    assert member.expected(20.0, 0) == pytest.approx(20.0, abs=1.5)


@pytest.mark.parametrize("readings", [1, 12, 13, 20, REVIEW - 1])
def test_a_review_goes_on_after_a_restart(readings: int) -> None:
    member, other = after([20.0 + STEP] * readings), MovingMean(8)
    other.restore(member.state())
    for value in [60.0] * REVIEW:
        for each in (member, other):
            each.learn(value, 0, False)
        assert other.state() == member.state()
