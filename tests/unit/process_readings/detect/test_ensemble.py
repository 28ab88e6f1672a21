"""What operators may expect of the ensemble."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from loadtest.nab import read_corpus
from process_readings.detect.detector import Verdict
from process_readings.detect.ensemble import Ensemble
from process_readings.detect.judge import QUIET, THRESHOLD, WARM_UP
from process_readings.detect.members.member import Member
from process_readings.detect.members.moving_mean import MovingMean
from process_readings.detect.members.recent_level import RecentLevel
from process_readings.detect.members.time_of_day import TimeOfDay
from process_readings.detect.registry import make_detector
from tests.unit.process_readings.detect.kinds import ENSEMBLE_BYTES, HOSTILE_TIMES, NOISE

SEED = 20261128
STEP_US = 300_000_000
DAY = 288
"""Readings of a day."""


def noise(count: int, level: float = 20.0, spread: float = 0.5) -> list[float]:
    rng = random.Random(SEED)
    return [rng.gauss(level, spread) for _ in range(count)]


def days(count: int) -> list[float]:
    """A daily cycle from 10 to 30, coldest at 0 h."""
    return [value - 10.0 * math.cos(at / DAY * 2 * math.pi) for at, value in enumerate(noise(count))]


def times(count: int, step_us: int = STEP_US) -> range:
    return range(0, count * step_us, step_us)


def judge(values: Sequence[float], detector: Ensemble | None = None, step_us: int = STEP_US) -> list[Verdict | None]:
    detector = detector or Ensemble()
    pairs = zip(values, times(len(values), step_us), strict=True)
    return [detector.observe(value, time_us) for value, time_us in pairs]


def anomalies(verdicts: Iterable[Verdict | None]) -> list[int]:
    return [at for at, verdict in enumerate(verdicts) if verdict and verdict.is_anomaly]


def scores(verdicts: Iterable[Verdict | None]) -> list[float]:
    return [verdict.score for verdict in verdicts if verdict]


def last(values: Sequence[float], detector: Ensemble | None = None) -> Verdict:
    verdict = judge(values, detector)[-1]
    assert verdict
    return verdict


def test_warming_up_is_said() -> None:
    verdicts = judge(noise(WARM_UP + 5))
    assert verdicts[:WARM_UP] == [None] * WARM_UP
    assert all(verdicts[WARM_UP:])


def test_normal_noise_and_days_raise_no_alarm() -> None:
    assert anomalies(judge(noise(8_000))) == []
    assert anomalies(judge(days(8_000))) == []


def test_a_score_above_the_threshold_and_an_anomaly_are_the_same() -> None:
    verdicts = judge([value + (at % 97 == 0) * (at % 7) * 9.0 for at, value in enumerate(days(4_000))])
    assert anomalies(verdicts)
    for verdict in verdicts:
        if verdict:
            assert verdict.threshold == THRESHOLD
            assert verdict.is_anomaly == (verdict.score > THRESHOLD) == bool(verdict.reason)


def test_a_value_of_noon_at_midnight_is_found_and_explained() -> None:
    values = days(10 * DAY + 1)
    values[-1] = 28.0
    found = last(values)
    assert found.is_anomaly
    assert found.expected == pytest.approx(11.0, abs=1.0)
    assert found.reason.startswith("28 is far from where the last periods of 24 h were: ")
    assert found.reason.endswith(f" spreads above {found.expected:.6g}")


def test_a_reading_that_is_no_anomaly_has_what_is_usual_at_its_time() -> None:
    verdicts = judge(days(10 * DAY))
    midnight, noon = verdicts[9 * DAY], verdicts[9 * DAY + DAY // 2]
    assert midnight and midnight.expected == pytest.approx(11.0, abs=1.5)
    assert noon and noon.expected == pytest.approx(29.0, abs=1.5)


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (TimeOfDay(), "29 is far from what is usual around 10 h UTC: "),
        (RecentLevel(), "29 is far from the readings before it: "),
        (MovingMean(8), "29 is one of about 8 readings whose mean, 22."),
    ],
    ids=["time of day", "recent level", "mean"],
)
def test_the_reason_is_that_of_the_member_that_found_it(member: Member, reason: str) -> None:
    found = last([*noise(5 * DAY + 120), 29.0], Ensemble(members=[member]))
    assert found.is_anomaly
    assert found.reason.startswith(reason)
    assert found.expected == pytest.approx(20.0, abs=0.5)
    assert found.reason.endswith(f" spreads above {found.expected:.6g}")


def test_a_run_that_is_a_little_off_is_found_by_its_mean() -> None:
    values = [*noise(10 * DAY), *[21.0, 21.4] * 20]
    assert anomalies(judge(values, Ensemble(members=[TimeOfDay()]))) == []
    verdicts = judge(values)
    (found,) = anomalies(verdicts)
    assert 10 * DAY <= found < 10 * DAY + 20
    verdict = verdicts[found]
    assert verdict and "whose mean" in verdict.reason


def test_worse_readings_score_higher_without_a_ceiling() -> None:
    found = [last([*noise(500), 20.0 + size]).score for size in (1e1, 1e3, 1e6, 1e12, 1e50)]
    assert all(later > earlier + 1.0 for earlier, later in pairwise(found))


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20])
def test_scores_do_not_depend_on_the_unit(scale: float) -> None:
    values = [*days(3 * DAY), 40.0]
    scaled = scores(judge([value * scale for value in values]))
    assert scaled == pytest.approx(scores(judge(values)), abs=1e-9)


def test_one_event_is_one_alarm_until_a_greater_one() -> None:
    event = [40.0, 41.0, 20.0, 39.0, 40.0, *noise(20)]
    assert anomalies(judge([*noise(1_000), *event])) == [1_000]
    later = [*noise(1_000), *event, *noise(QUIET), 400.0]
    assert anomalies(judge(later)) == [1_000, len(later) - 1]


@pytest.mark.parametrize("spreads", [20, 100, 10_000])
@pytest.mark.parametrize("series", [noise, days])
def test_a_lasting_step_is_one_alarm_and_normal_within_a_day(series, spreads: int) -> None:  # type: ignore[no-untyped-def]  # either function
    values = [value + (at >= 2_000) * 0.5 * spreads for at, value in enumerate(series(2_000 + 4 * DAY))]
    verdicts = judge(values)
    assert anomalies(verdicts) == [2_000]
    assert max(scores(verdicts[2_000 + DAY :])) < THRESHOLD


def _share_of_spikes_found(detector: Ensemble, values: Sequence[float], begin: int, spike: float) -> float:
    """Of spikes that might come at each seventh of these readings, which are learned without them."""
    found = []
    for at, value in enumerate(values, begin):
        if at % 7 == 0:
            verdict = detector.score_one(value + spike, at * STEP_US)
            found.append(verdict is not None and verdict.is_anomaly)
        detector.observe(value, at * STEP_US)
    return sum(found) / len(found)


@pytest.mark.parametrize("spreads", [8, 20, 60, 1_000])
def test_after_a_lasting_step_a_spike_is_found_again_soon(spreads: int) -> None:
    """40 readings after it, where the series has no daily course."""
    values = [value + (at >= 2_000) * 0.5 * spreads for at, value in enumerate(noise(2_000 + 2 * DAY))]
    detector = Ensemble()
    judge(values[:2_040], detector)
    assert _share_of_spikes_found(detector, values[2_040:], 2_040, 6.0) == 1.0


@pytest.mark.parametrize("spreads", [20, 60, 1_000])
def test_after_a_lasting_step_of_a_daily_course_a_spike_is_found_again_in_three_days(spreads: int) -> None:
    values = [value + (at >= 2_000) * 0.5 * spreads for at, value in enumerate(days(2_000 + 5 * DAY))]
    detector = Ensemble()
    begin = 2_000 + 3 * DAY + DAY // 8
    judge(values[:begin], detector)
    assert _share_of_spikes_found(detector, values[begin:], begin, 12.0) >= 0.6


def test_a_spike_a_day_is_reported_for_twelve_days_and_then_is_usual() -> None:
    verdicts = judge([1_000.0 if at % DAY == 100 else value for at, value in enumerate(noise(30 * DAY))])
    assert anomalies(verdicts) == [day * DAY + 100 for day in range(1, 13)]


def test_a_device_that_sends_often_must_be_further_off() -> None:
    values = [*noise(2_000), 23.5]
    slow, fast = judge(values)[-1], judge(values, step_us=1_000_000)[-1]
    assert slow and fast
    assert slow.score == pytest.approx(fast.score + math.log10(300.0 * 1_440 / 2_001), abs=0.2)


def test_a_step_of_a_million_is_one_alarm() -> None:
    assert anomalies(judge([0.0] * 1_500 + [1e6] * 1_000)) == [1_500]


@pytest.mark.parametrize("times_us", HOSTILE_TIMES.values(), ids=HOSTILE_TIMES)
def test_odd_times_do_no_harm(times_us: list[int]) -> None:
    detector = Ensemble()
    verdicts = [detector.observe(value, at) for value, at in zip(NOISE, times_us, strict=True)]
    assert all(math.isfinite(score) for score in scores(verdicts))
    assert len(anomalies(verdicts)) <= 2
    assert len(detector.state()) <= ENSEMBLE_BYTES
    spike = detector.observe(1e6, times_us[-1])
    assert spike and spike.is_anomaly


VALUES = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, 20.0, 1e300, -1e300, 5e-324, math.nan]), st.floats(-50.0, 50.0)
)
TIMES = st.integers(-(2**62), 2**62)
READINGS = st.lists(st.tuples(VALUES, TIMES), max_size=30)


@settings(max_examples=25, deadline=None)
@given(before=READINGS, after=READINGS, at=st.integers(0, 400))
def test_a_restored_one_goes_on_to_the_bit(
    before: list[tuple[float, int]], after: list[tuple[float, int]], at: int
) -> None:
    one, other = Ensemble(), Ensemble()
    usual = list(zip(days(400), times(400), strict=True))
    for value, time_us in [*usual[:at], *before]:
        one.observe(value, time_us)
    other.restore(one.state())
    assert other.state() == one.state()
    for value, time_us in [*after, *usual[:60]]:
        verdict = one.score_one(value, time_us)
        assert one.observe(value, time_us) == verdict == other.observe(value, time_us)
        assert verdict is None or math.isfinite(verdict.score)
    assert other.state() == one.state()
    assert len(one.state()) <= ENSEMBLE_BYTES


def test_a_restored_one_goes_on_to_the_bit_through_events_and_halved_counts() -> None:
    values = [value + (at % 1_000 == 900) * 15.0 + (at > 6_000) * 30.0 for at, value in enumerate(days(9_000))]
    one, other = Ensemble(), Ensemble()
    for at, (value, time_us) in enumerate(zip(values, times(9_000), strict=True)):
        if at % 173 == 0 or at in (901, 6_001, 6_010, 8_064):
            state, other = other.state(), Ensemble()
            other.restore(state)
        assert one.observe(value, time_us) == other.observe(value, time_us)


def test_judging_changes_nothing() -> None:
    detector = Ensemble()
    judge(days(500), detector)
    state = detector.state()
    for value in (20.0, 1e9, math.nan):
        detector.score_one(value, 500 * STEP_US)
    assert detector.state() == state


def test_what_comes_later_changes_no_verdict() -> None:
    values = [*days(700), 90.0, *noise(300, level=50.0)]
    assert judge(values[:705]) == judge(values)[:705]


@pytest.mark.parametrize("count", [0, 5, 600])
def test_what_is_no_state_is_refused(count: int) -> None:
    detector = Ensemble()
    judge(noise(count), detector)
    state = detector.state()
    for wrong in (b"", state[:20], state[:300], state[:-1], state + b"0"):
        with pytest.raises(ValueError, match="no state of"):
            Ensemble().restore(wrong)
    with pytest.raises(ValueError, match="no state of"):
        Ensemble(members=[MovingMean(2)]).restore(state)


@pytest.mark.parametrize("threshold", [0, -1.0, "high", None])
def test_a_threshold_that_cannot_be_is_refused(threshold: Any) -> None:
    with pytest.raises(ConfigurationError, match="'ensemble' with"):
        make_detector("ensemble", threshold=threshold)


@pytest.mark.parametrize(
    "name",
    [
        "realKnownCause/ambient_temperature_system_failure.csv",
        "artificialWithAnomaly/art_daily_jumpsdown.csv",
        "realTraffic/speed_7578.csv",
    ],
)
def test_it_finds_the_labelled_windows_of_real_series(shared_data: Path, name: str) -> None:
    series = read_corpus(shared_data / "sensors" / "nab-dev")[name]
    detector = Ensemble()
    pairs = zip(series.values, series.times_us, strict=True)
    found = anomalies([detector.observe(value, time_us) for value, time_us in pairs])
    windows = [(series.timestamps.index(first), series.timestamps.index(end)) for first, end in series.windows]
    assert all(any(first <= at <= end for at in found) for first, end in windows)
    assert sum(not any(first <= at <= end for first, end in windows) for at in found) <= 4
