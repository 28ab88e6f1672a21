"""What one reading leaves behind for the judgement of the next ones."""

import pytest

from process_readings.detect.judge import NOTHING, QUIET, SUPPRESSED, THRESHOLD, WARM_UP, Judge

SECOND_US = 1_000_000
YEAR_US = 365 * 86_400 * SECOND_US


def warm() -> Judge:
    """Of one distance and readings a second apart, so far all near."""
    judge = Judge(1, THRESHOLD)
    for at in range(WARM_UP):
        judge.learn([0.5], NOTHING, False, at * SECOND_US)
    return judge


def test_a_lesser_score_is_lowered_for_25_readings_after_a_greater_one() -> None:
    judge = warm()
    assert judge.score(2.0) == 2.0
    judge.learn([3.0], 2.0, False, WARM_UP * SECOND_US)
    for at in range(QUIET):
        assert judge.score(1.9) == pytest.approx(1.9 - SUPPRESSED)
        assert judge.score(2.1) == 2.1
        judge.learn([0.5], 0.0, False, (WARM_UP + 1 + at) * SECOND_US)
    assert judge.score(1.9) == 1.9


def test_after_an_alarm_no_score_is_an_alarm_for_25_readings() -> None:
    judge = warm()
    judge.learn([9.0], 3.0, True, WARM_UP * SECOND_US)
    for at in range(QUIET):
        assert judge.score(100.0) < THRESHOLD
        judge.learn([0.5], 0.0, False, (WARM_UP + 1 + at) * SECOND_US)
    assert judge.score(100.0) == 100.0


def test_a_year_of_silence_makes_a_device_that_sends_often_no_seldom_one() -> None:
    judge = warm()
    before, _ = judge.surprise([10.0])
    judge.learn([0.5], 0.0, False, WARM_UP * SECOND_US + YEAR_US)
    after, _ = judge.surprise([10.0])
    assert after == pytest.approx(before, abs=0.05)
