"""What operators may expect of series in which days of the week differ."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from process_readings.detect.ensemble import Ensemble
from process_readings.detect.members.by_name import USUAL_MEMBERS, WEEKLY_RHYTHM
from process_readings.detect.members.stuck import Stuck
from process_readings.detect.members.weekly_rhythm import WeeklyRhythm
from process_readings.detect.registry import make_detector
from tests.unit.process_readings.detect.kinds import ENSEMBLE_BYTES, SEED, Reading, judge

STEP_S = 900
DAY = 96
"""Readings of a day."""
WEEK = 7 * DAY
DAY_US = 86_400_000_000
VISIT_US = 10_800_000_000
WEEKEND = (5, 6)
SATURDAY_US = (100 * 7 + 2) * DAY_US
"""Long after all readings."""
MONDAY_US = SATURDAY_US + 2 * DAY_US

Series = Callable[[random.Random, float], float]


def day_of_week(day: float) -> int:
    """0 on Mondays; of days since 1970-01-01, a Thursday."""
    return (int(day) + 3) % 7


def readings(series: Series, weeks: int = 10, seed: int = SEED) -> list[Reading]:
    rng = random.Random(seed)
    return [(series(rng, at / DAY), at * STEP_S * 1_000_000) for at in range(weeks * WEEK)]


def quiet_weekends(rng: random.Random, day: float) -> float:
    return rng.gauss(20.0, 1.0) - 20.0 * (day_of_week(day) in WEEKEND)


def office(rng: random.Random, day: float) -> float:
    """Warm in working hours, as energy and presence are."""
    is_open = day_of_week(day) not in WEEKEND and 8 / 24 <= day % 1.0 < 18 / 24
    return rng.gauss(20.0, 1.0) + 15.0 * is_open


def found_on(series: Sequence[Reading], detector: Ensemble | None = None) -> list[float]:
    """Days of the anomalies."""
    verdicts = judge(detector or Ensemble(), series)
    return [at / DAY for at, verdict in enumerate(verdicts) if verdict and verdict.is_anomaly]


def learned(series: Iterable[Reading]) -> WeeklyRhythm:
    rhythm = WeeklyRhythm()
    for value, time_us in series:
        rhythm.learn(value, time_us)
    return rhythm


def without_rhythm() -> Ensemble:
    detector = make_detector("ensemble", members=[name for name in USUAL_MEMBERS if name != WEEKLY_RHYTHM])
    assert isinstance(detector, Ensemble)
    return detector


@pytest.mark.parametrize("seed", range(3))
def test_from_the_third_week_on_weekends_are_quiet(seed: int) -> None:
    series = readings(quiet_weekends, seed=SEED + seed)
    assert [day for day in found_on(series) if day > 14.0] == []
    assert found_on(series, without_rhythm())


def test_a_sunday_like_a_weekday_is_found_and_explained() -> None:
    sunday = 7 * 7 + 3
    series = readings(quiet_weekends, 8)[: sunday * DAY + 8]
    for at in range(sunday * DAY, sunday * DAY + 8):
        series[at] = (20.0, series[at][1])
    verdicts = judge(Ensemble(), series)
    (found,) = [verdict for verdict in verdicts[-8:] if verdict and verdict.is_anomaly]
    assert found.expected == pytest.approx(0.0, abs=1.5)
    assert found.reason.startswith("20 (40.")
    assert " without the weekly rhythm) is " in found.reason


@pytest.mark.parametrize("seed", range(3))
def test_an_office_that_stays_closed_on_a_tuesday_is_found(seed: int) -> None:
    series = readings(lambda rng, day: office(rng, day) - 15.0 * (75.4 <= day < 75.7), 12, SEED + seed)
    assert [day for day in found_on(series) if 75.0 < day < 76.0] == [pytest.approx(75.4, abs=0.05)]
    assert [day for day in found_on(series, without_rhythm()) if 75.0 < day < 76.0] == []


def test_an_outage_is_no_rhythm() -> None:
    begin, end = 30.0, 31.2
    series = readings(lambda rng, day: quiet_weekends(rng, day) - 60.0 * (begin <= day < end))
    found = [day for day in found_on(series) if day > 14.0]
    assert found == [pytest.approx(begin, abs=0.05), pytest.approx(end, abs=0.05)]


def test_a_lasting_change_leaves_the_rhythm() -> None:
    begin = 32.4
    series = readings(lambda rng, day: quiet_weekends(rng, day) + 30.0 * (day >= begin))
    assert [day for day in found_on(series) if day > 14.0] == [pytest.approx(begin, abs=0.05)]


def test_a_step_of_a_million_in_the_midst_of_a_visit_leaves_the_rhythm() -> None:
    begin = 48.42
    series = readings(lambda rng, day: quiet_weekends(rng, day) + 1e6 * (day >= begin))
    assert [day for day in found_on(series) if day > 14.0] == [pytest.approx(begin, abs=0.05)]


@pytest.mark.parametrize("seed", range(3))
def test_while_all_weekdays_change_none_is_taken_for_special(seed: int) -> None:
    """As with summer time; here from the second week on, when some weekdays are learned anew and others are not yet."""
    series = readings(lambda rng, day: office(rng, day - (day > 45.0) / 24), 10, SEED + seed)
    mornings = [day for day in found_on(series) if 52.0 < day < 59.0 and 6 / 24 <= day % 1.0 < 9 / 24]
    assert mornings == []


@pytest.mark.parametrize("constant_h", [24, 3], ids=["all day", "at night"])
def test_the_rhythm_of_a_series_that_was_constant_for_three_weeks_is_learned(constant_h: int) -> None:
    def installed_early(rng: random.Random, day: float) -> float:
        return 0.0 if day < 21.0 and day % 1.0 < constant_h / 24 else quiet_weekends(rng, day)

    rhythm = learned(readings(installed_early, 14))
    assert rhythm.offset(SATURDAY_US) == pytest.approx(-20.0, abs=1.0)
    assert rhythm.offset(MONDAY_US) == 0.0


def test_a_new_rhythm_is_learned_in_three_weeks() -> None:
    series = readings(lambda rng, day: quiet_weekends(rng, day) if day > 28.0 else rng.gauss(20.0, 1.0), 12)
    found = found_on(series)
    assert found
    assert max(found) < 28.0 + 4 * 7


def wandering() -> Series:
    level = 0.0

    def next_value(rng: random.Random, day: float) -> float:
        nonlocal level
        level = 0.998 * level + rng.gauss(0.0, 0.2)
        return 10.0 + level + 4.0 * math.sin(2 * math.pi * day) + rng.gauss(0.0, 0.05)

    return next_value


@pytest.mark.parametrize(
    "series",
    [wandering(), lambda rng, day: rng.gauss(20.0, 1.0), lambda rng, day: 5.0, lambda rng, day: 0.3 * day],
    ids=["weather", "noise", "constant", "drift"],
)
def test_a_series_whose_weeks_are_not_alike_is_judged_as_without(series: Series) -> None:
    values = readings(series)
    assert judge(Ensemble(), values) == judge(without_rhythm(), values)


def test_it_goes_on_to_the_bit_wherever_it_is_restored() -> None:
    one = other = Ensemble()
    rng = random.Random(SEED)
    for value, time_us in readings(lambda rng, day: office(rng, day) + 9.0 * (day > 36.0), 7):
        if rng.random() < 0.01:
            state, other = other.state(), Ensemble()
            other.restore(state)
            assert other.state() == state == one.state()
            assert len(state) <= ENSEMBLE_BYTES
        assert one.observe(value, time_us) == other.observe(value, time_us)
    assert one.state() == other.state()


HOSTILE: dict[str, Callable[[int], float]] = {
    "largest": lambda at: 1e30 * (-1) ** (at // 24),
    "too large": lambda at: 1e300 * (-1) ** (at // 8),
    "of all sizes": lambda at: (1e300, -1e300, 1e30, -1e30, 1e-310, 0.0, 3.5e38, math.nan)[at * at % 61 % 8],
    "growing": lambda at: 1.3**at,
    "steps": lambda at: 1e30 * (at > 300) - 2e30 * (at > 600),
}
HOSTILE_TIMES: dict[str, Callable[[int], int]] = {
    "in order": lambda at: at * VISIT_US,
    "going back": lambda at: -at * VISIT_US,
    "jumping a year": lambda at: at * VISIT_US + (at % 100 == 0) * 365 * DAY_US,
    "repeating": lambda at: at // 5 * VISIT_US,
}


@pytest.mark.parametrize("series", HOSTILE)
@pytest.mark.parametrize("times", HOSTILE_TIMES)
def test_months_of_hostile_readings_leave_it_finite_and_restorable(series: str, times: str) -> None:
    one = other = Ensemble()
    for at in range(1_000):
        value, time_us = HOSTILE[series](at), HOSTILE_TIMES[times](at)
        verdict = one.observe(value, time_us)
        assert verdict == other.observe(value, time_us)
        if verdict:
            assert math.isfinite(verdict.score)
            assert verdict.expected is None or math.isfinite(verdict.expected)
        if at % 61 == 0:
            state, other = one.state(), Ensemble()
            other.restore(state)
            assert other.state() == state
            assert len(state) <= ENSEMBLE_BYTES


def test_a_value_that_rests_over_the_weekend_is_as_long_a_run_as_it_was_sent() -> None:
    def resting(rng: random.Random, day: float) -> float:
        return 20.0 if day > 38.0 else office(rng, day)

    series = readings(resting, 6)
    assert judge(Ensemble(members=[Stuck()], rhythm=WeeklyRhythm()), series) == judge(
        Ensemble(members=[Stuck()]), series
    )


def late_and_lost(series: Sequence[Reading]) -> Iterator[Reading]:
    """Readings that came a day late, are missing, or have the time of a clock that was reset."""
    rng = random.Random(SEED)
    for value, time_us in series:
        if rng.random() < 0.9:
            yield value, time_us
        if rng.random() < 0.01:
            yield value, rng.choice((time_us - DAY_US, 0, time_us + 10**15))


def test_late_readings_and_reset_clocks_leave_the_rhythm() -> None:
    rhythm = learned(late_and_lost(readings(quiet_weekends)))
    assert rhythm.offset(SATURDAY_US) == pytest.approx(-20.0, abs=1.0)
    assert rhythm.offset(MONDAY_US) == 0.0


def test_readings_that_come_up_to_a_week_late_change_nothing() -> None:
    rng = random.Random(SEED)
    rhythm, punctual = WeeklyRhythm(), WeeklyRhythm()
    for value, time_us in readings(quiet_weekends, 4):
        rhythm.learn(value, time_us)
        rhythm.learn(1e6, time_us - rng.randrange(1, 6) * DAY_US)
        punctual.learn(value, time_us)
    assert rhythm.state() == punctual.state()


def test_values_too_large_to_be_kept_do_not_hinder_the_rhythm() -> None:
    series = readings(lambda rng, day: 1e300 if day < 2.0 or day % 9.0 < 1.0 else quiet_weekends(rng, day))
    assert learned(series).offset(SATURDAY_US) == pytest.approx(-20.0, abs=1.0)


def weekdays_apart(rng: random.Random, day: float) -> float:
    return 10.0 * day_of_week(day) - 25.0


@pytest.mark.parametrize(
    ("series", "days"),
    [(weekdays_apart, range(5)), (lambda rng, day: 1e7 + day_of_week(day), range(7))],
    ids=["no weekends", "less than rounding"],
)
def test_what_is_not_known_or_cannot_be_told_apart_is_no_rhythm(series: Series, days: Sequence[int]) -> None:
    rhythm = learned(reading for reading in readings(series) if day_of_week(reading[1] / DAY_US) in days)
    assert [rhythm.offset((700 + day) * DAY_US) for day in range(7)] == [0.0] * 7
