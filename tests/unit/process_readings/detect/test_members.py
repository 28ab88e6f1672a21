"""What each member of an ensemble is for, on made-up series, and that it is quiet on usual ones."""

import math
import random
import re
from collections.abc import Callable, Sequence

import pytest

from headrace.errors import ConfigurationError
from process_readings.detect.detector import Detector, Verdict
from process_readings.detect.ensemble import Ensemble
from process_readings.detect.members.by_name import MEMBERS, USUAL_MEMBERS
from process_readings.detect.registry import LARGEST_STATE, make_detector
from tests.unit.process_readings.detect.kinds import DAY, SEED, STEP_US, Reading, alarms, at_steps, judge, make

COUNT = 6_000
MOST_FALSE = 2
"""Alarms in 6,000 readings without an anomaly, which are three weeks; 6 of them are as improbable as the threshold."""


def noise(count: int, spread: float = 1.0, seed: int = SEED) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0.0, spread) for _ in range(count)]


def days(count: int) -> list[float]:
    """A daily cycle from 10 to 30 with noise of 1."""
    return [20.0 + 10.0 * math.sin(at / DAY * 2 * math.pi) + value for at, value in enumerate(noise(count))]


def wandering(count: int) -> list[float]:
    """Of a thermometer with a resolution of 0.1: neighbours are alike, and days differ."""
    level, values = 0.0, []
    for at, step in enumerate(noise(count, 0.1)):
        level = 0.97 * level + step
        values.append(round(20.0 + 3.0 * math.sin(at / DAY * 2 * math.pi) + level, 1))
    return values


def periods(count: int, length: float, amplitude: float = 10.0, spread: float = 1.0) -> list[float]:
    return [amplitude * math.sin(at / length * 2 * math.pi) + value for at, value in enumerate(noise(count, spread))]


def with_gaps(gaps_s: Sequence[float]) -> list[Reading]:
    """Values that say nothing, the gap before each given."""
    time_us, readings = 0, []
    for gap_s in gaps_s:
        time_us += round(gap_s * 1e6)
        readings.append((20.0, time_us))
    return readings


def random_gaps(count: int, mean_s: float = 300.0) -> list[float]:
    rng = random.Random(SEED)
    return [rng.expovariate(1.0 / mean_s) for _ in range(count)]


def first_alarm(detector: Detector, readings: Sequence[Reading], begin: int) -> tuple[int, Verdict]:
    """How many readings after the change at `begin` it is reported, and the verdict."""
    verdicts = judge(detector, readings)
    found = [(at - begin, verdict) for at, verdict in enumerate(verdicts) if at >= begin and verdict]
    return next((late, verdict) for late, verdict in found if verdict.is_anomaly)


def usual_alarms(readings: Sequence[Reading], begin: int) -> list[int]:
    """What the default says from the change on."""
    return [at for at in alarms(Ensemble(), readings) if at >= begin]


USUAL: dict[str, Callable[[], list[Reading]]] = {
    "noise": lambda: at_steps(noise(COUNT)),
    "days": lambda: at_steps(days(COUNT)),
    "a thermometer": lambda: at_steps(wandering(COUNT)),
    "sent at random": lambda: with_gaps(random_gaps(COUNT)),
}


@pytest.mark.parametrize("series", USUAL.values(), ids=USUAL)
@pytest.mark.parametrize("member", MEMBERS)
def test_each_is_quiet_where_nothing_happens(member: str, series: Callable[[], list[Reading]]) -> None:
    assert len(alarms(make(member), series())) <= MOST_FALSE


@pytest.mark.parametrize(("length", "unit"), [(13.1, "min"), (37.3, "h"), (90.0, "h"), (700.0, "days")])
def test_a_trough_in_place_of_a_peak_is_found_by_a_period_that_is_no_day(length: float, unit: str) -> None:
    begin = round(length * (round(5_000 / length) + 0.25))
    values = periods(begin + 1, length)
    values[begin] = -10.0
    readings = at_steps(values)
    late, found = first_alarm(make("own_period"), readings, begin)
    assert late == 0
    assert re.match(rf"-10 is far from where the last periods of \S+ {unit} were: ", found.reason)
    assert found.expected == pytest.approx(10.0, abs=2.0)
    assert begin in usual_alarms(readings, begin)


def test_a_pump_that_stays_off_is_found_by_its_period() -> None:
    begin = 90 * 50 + 5
    values = [value + 20.0 * (at % 90 < 20 and at < begin) for at, value in enumerate(noise(begin + 15))]
    late, _ = first_alarm(make("own_period"), at_steps(values), begin)
    assert late < 5
    assert usual_alarms(at_steps(values), begin)


def test_an_event_is_no_alarm_again_a_period_later() -> None:
    length, begin = 90.0, 90 * 40 + 20
    values = periods(begin + 90 * 5, length)
    for at in range(begin, begin + 20):
        values[at] -= 25.0
    found = [at for at in alarms(make("own_period"), at_steps(values)) if at >= begin]
    assert found
    assert max(found) < begin + 45


def test_a_period_that_stops_is_found_and_another_one_is_learned() -> None:
    values = [*periods(3_000, 37.3), *periods(2_000, 52.0)]
    found = alarms(make("own_period"), at_steps(values))
    assert found
    assert all(3_000 <= at < 3_500 for at in found)


def test_a_value_in_range_that_does_not_follow_is_found_by_the_forecast() -> None:
    # The last reading stays where the one before it was, though others rise by 3 there.
    values = periods(2_001, 20.0, spread=0.2)
    values[-1] = values[-2]
    late, found = first_alarm(make("forecast"), at_steps(values), 2_000)
    assert late == 0
    assert " is not what the readings before it lead to: " in found.reason
    assert found.expected == pytest.approx(0.0, abs=0.8)
    assert usual_alarms(at_steps(values), 2_000) == []


@pytest.mark.parametrize("series", [noise, days])
def test_a_ramp_that_no_reading_shows_is_found_by_the_trend(series: Callable[[int], list[float]]) -> None:
    begin = 3_000
    values = [value + 0.01 * max(0, at - begin) for at, value in enumerate(series(begin + 300))]
    late, found = first_alarm(make("trend"), at_steps(values), begin)
    assert late < 250
    assert " ends many readings above " in found.reason
    assert found.reason.endswith(" spreads off")


def test_rare_events_are_no_trend() -> None:
    rng = random.Random(SEED)
    assert len(alarms(make("trend"), at_steps([float(rng.random() < 0.05) for _ in range(COUNT)]))) <= MOST_FALSE


@pytest.mark.parametrize("factor", [0.2, 4.0])
@pytest.mark.parametrize("of_days", [False, True])
def test_noise_of_another_width_is_found_by_the_distribution(factor: float, of_days: bool) -> None:
    begin = 4_000
    values = [value * (factor if at >= begin else 1.0) for at, value in enumerate(noise(begin + 80))]
    if of_days:
        values = [value + 5.0 * math.sin(at / DAY * 2 * math.pi) for at, value in enumerate(values)]
    late, found = first_alarm(make("distribution"), at_steps(values), begin)
    assert late < 70
    assert re.match(r"\S+ is one of about 36 readings (of which|whose changes are unusual:) \d+ % are ", found.reason)
    assert re.search(r", where usually \d+ % are$", found.reason)
    if factor < 1.0:
        assert usual_alarms(at_steps(values), begin) == []


def test_two_values_in_place_of_noise_as_wide_are_found_by_the_distribution() -> None:
    begin = 4_000
    values = [math.copysign(1.0, value) if at >= begin else value for at, value in enumerate(noise(begin + 60))]
    late, _ = first_alarm(make("distribution"), at_steps(values), begin)
    assert late < 15
    assert usual_alarms(at_steps(values), begin) == []


@pytest.mark.parametrize("gaps", [lambda: [300.0] * 2_001, lambda: random_gaps(2_001)], ids=["regular", "at random"])
def test_a_long_gap_is_found_when_its_end_is_seen(gaps: Callable[[], list[float]]) -> None:
    readings = with_gaps([*gaps(), 7_200.0])
    late, found = first_alarm(make("pace"), readings, 2_001)
    assert late == 0
    assert found.expected is None
    assert found.reason.startswith("20 came 7200 s after the reading before it; about ")
    assert usual_alarms(readings, 2_001) == []


@pytest.mark.parametrize("gaps", [lambda: [300.0] * 2_000, lambda: random_gaps(2_000)], ids=["regular", "at random"])
def test_too_many_readings_are_found_by_the_pace(gaps: Callable[[], list[float]]) -> None:
    late, found = first_alarm(make("pace"), with_gaps([*gaps(), *random_gaps(60, 30.0)]), 2_000)
    assert late < 40
    assert found.reason.startswith("20 is one of about 24 readings that came ")


def test_a_lost_reading_and_one_too_many_are_nothing_to_the_pace() -> None:
    gaps = [300.0] * 2_000
    gaps[1_000], gaps[1_200] = 600.0, 1.0
    assert alarms(make("pace"), with_gaps(gaps)) == []


@pytest.mark.parametrize(("series", "most"), [(noise, 5), (days, 5), (wandering, 25)])
def test_a_value_that_stays_is_found_by_the_run(series: Callable[[int], list[float]], most: int) -> None:
    values = series(3_000)
    readings = at_steps([*values, *[values[-1]] * 40])
    late, found = first_alarm(make("stuck"), readings, 3_000)
    assert late < most
    assert found.reason.startswith(f"{values[-1]:.6g} came ")
    assert re.search(r" \d+ times in a row; in this series .*one run in .* is as long$", found.reason)
    assert usual_alarms(readings, 3_000) == []


def test_what_usually_rests_is_not_stuck() -> None:
    nights = [0.0 if at % DAY < 100 else 5.0 + value for at, value in enumerate(noise(COUNT))]
    found = alarms(make("stuck"), at_steps(nights))
    assert all(at < 2 * DAY for at in found)
    assert len(found) <= 2
    seldom = [float(at // 500 % 2) for at in range(COUNT)]
    assert alarms(make("stuck"), at_steps(seldom)) == []


def test_a_device_type_chooses_members_and_threshold() -> None:
    detector = make_detector("ensemble", members=["time_of_day", "pace", "stuck"], threshold=3)
    verdict = judge(detector, at_steps([20.0] * 200))[-1]
    assert verdict and verdict.threshold == 3.0
    assert len(alarms(detector, [(20.0, 200 * STEP_US), (20.0, 400 * STEP_US)])) == 1


def test_the_default_is_the_usual_members() -> None:
    readings = at_steps([*days(1_000), 60.0])
    assert judge(make_detector("ensemble", members=list(USUAL_MEMBERS)), readings) == judge(make("ensemble"), readings)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (["pace", "magic"], "no member 'magic'; choose from time_of_day, .*stuck"),
        ([], "members are missing; choose from time_of_day, .*stuck"),
        (["pace", "pace"], "members pace, pace: each can be there only once"),
        (list(MEMBERS), f"bytes a series, of {LARGEST_STATE} at most; choose fewer"),
        ([1], "no member 1; choose from "),
        (3, "'ensemble' with"),
    ],
)
def test_members_that_cannot_be_are_named_with_what_can(members: object, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        make_detector("ensemble", members=members)
