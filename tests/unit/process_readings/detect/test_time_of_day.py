"""What is usual by time of day, and a displacement that goes on."""

import pytest

from process_readings.detect.members.time_of_day import TimeOfDay

BIN_US = 3 * 3_600_000_000
READINGS = 36


def learn_days(member: TimeOfDay, days: int, begin: int = 0, shift: float = 0.0, alarm_at: int = -1) -> None:
    """A level of its own in each bin: 0, 10, … 70, give or take 1."""
    for at in range(begin * 8 * READINGS, (begin + days) * 8 * READINGS):
        time_us = at * BIN_US // READINGS
        member.learn(at // READINGS % 8 * 10.0 + (at % 3 - 1.0) + shift, time_us, at == alarm_at)


def test_each_bin_has_a_level_of_its_own() -> None:
    member = TimeOfDay()
    learn_days(member, 10)
    for bin_ in range(8):
        assert member.distance(bin_ * 10.0, bin_ * BIN_US) < 1.0
        assert member.distance(bin_ * 10.0 + 20.0, bin_ * BIN_US) > 3.0
        assert member.expected(0.0, bin_ * BIN_US) == pytest.approx(bin_ * 10.0, abs=1.5)


def test_it_does_not_say_what_is_usual_at_a_time_that_it_never_saw() -> None:
    member = TimeOfDay()
    for at in range(100):
        member.learn(at % 3 - 1.0, at, False)
    assert " usual around 2 h UTC: " in member.explain(50.0, BIN_US - 1)
    assert member.distance(50.0, BIN_US) > 8.0
    assert " usual so far: " in member.explain(50.0, BIN_US)


def test_nothing_is_odd_before_anything_is_known() -> None:
    member = TimeOfDay()
    assert member.distance(1e6, 0) == 0.0
    assert member.expected(1e6, 0) is None


def test_after_an_alarm_the_displacement_is_usual_in_the_next_bins_too() -> None:
    member, heedless = TimeOfDay(), TimeOfDay()
    for each in (member, heedless):
        learn_days(each, 20)
    first = 20 * 8 * READINGS
    for at in range(first, first + READINGS):
        for each in (member, heedless):
            each.learn(at % 3 - 1.0 + 200.0, at * BIN_US // READINGS, each is member and at == first)
    next_us = (first + READINGS) * BIN_US // READINGS
    assert heedless.distance(210.0, next_us) > 10.0
    assert member.distance(210.0, next_us) < 5.0
    assert member.expected(210.0, next_us) == pytest.approx(210.0, abs=8.0)
    assert member.distance(10.0, next_us) < 1.0


def test_a_restored_one_goes_on_to_the_bit() -> None:
    one, other = TimeOfDay(), TimeOfDay()
    learn_days(one, 3)
    learn_days(one, 1, begin=3, shift=300.0, alarm_at=3 * 8 * READINGS)
    other.restore(one.state())
    assert other.state() == one.state()
    for each in (one, other):
        learn_days(each, 1, begin=4, shift=300.0)
    assert other.state() == one.state()
