"""What operators may expect of the detector that looks at several metrics together."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from loadtest.motes import INTERVAL_S, read_motes
from process_readings.detect.joint import Joint, JointVerdict
from process_readings.detect.registry import LARGEST_STATE, make_detector

START_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
BREAK = range(3_000, 3_300)
Rows = list[list[float]]
METRICS = ("temperature", "humidity")


def pair(seed: int, count: int) -> Rows:
    """A room's temperature and its humidity, which falls when it gets warmer."""
    random, warmth, rows = Random(seed), 0.0, []
    for _ in range(count):
        warmth = 0.99 * warmth + random.gauss(0.0, 0.7)
        rows.append([20.0 + warmth + random.gauss(0.0, 0.2), 50.0 - 0.8 * warmth + random.gauss(0.0, 0.2)])
    return rows


def observe(rows: Sequence[Sequence[float]], detector: Joint, every_us: int = MINUTE_US) -> list[JointVerdict | None]:
    return [detector.observe(values, START_US + at * every_us) for at, values in enumerate(rows)]


def alarms(verdicts: Sequence[JointVerdict | None]) -> list[int]:
    return [at for at, found in enumerate(verdicts) if found is not None and found.verdict.is_anomaly]


def alarms_of_each(rows: Rows) -> list[int]:
    """What the default detector of each metric finds."""
    found = []
    for metric in range(len(rows[0])):
        detector = make_detector()
        for at, values in enumerate(rows):
            verdict = detector.observe(values[metric], START_US + at * MINUTE_US)
            if verdict is not None and verdict.is_anomaly:
                found.append(at)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_an_offset_within_the_usual_range_is_found_by_it_alone(seed: int) -> None:
    rows = pair(seed, 3_600)
    for at in BREAK:
        rows[at][1] += 2.5
    found = alarms(observe(rows, Joint(METRICS)))
    assert found[0] == BREAK[0]
    # Where it ends, the relation changes again.
    assert set(found[1:]) <= {BREAK.stop}
    assert not set(alarms_of_each(rows)) & set(BREAK)


@pytest.mark.parametrize("seed", range(2))
def test_a_sensor_that_drifts_away_from_the_other_is_found_by_it_alone(seed: int) -> None:
    rows = pair(seed, 3_300)
    for at in BREAK:
        rows[at][1] += min(3.0, 0.02 * (at - BREAK[0]))
    found = alarms(observe(rows, Joint(METRICS)))
    assert BREAK[0] + 30 <= found[0] < BREAK.stop, "at an offset of at least 0.6, where 0.25 is usual"
    assert not set(alarms_of_each(rows)) & set(BREAK)


def test_what_it_says_names_all_values_and_the_one_that_is_off() -> None:
    rows = pair(1, 400)
    third = [[*values, 7.0 + 0.1 * at % 3] for at, values in enumerate(rows)]
    third[-1] = [25.0, 46.0, 40.0]
    found = observe(third, Joint([*METRICS, "co2"]))[-1]
    assert found is not None and found.verdict.is_anomaly
    assert found.metric == 2
    assert found.verdict.reason.startswith("co2 40 does not go with temperature 25, humidity 46, which let expect ")
    assert found.verdict.expected == pytest.approx(8.5, abs=1.5)


def test_what_is_expected_follows_from_the_other_metric() -> None:
    rows = pair(2, 1_000)
    rows[-1] = [26.0, 52.0]
    found = observe(rows, Joint(METRICS))[-1]
    assert found is not None and found.verdict.is_anomaly
    expected = 50.0 - 0.8 * 6.0 if found.metric == 1 else 20.0 - 2.0 / 0.8
    assert found.verdict.expected == pytest.approx(expected, abs=0.7)


def test_metrics_that_change_together_are_quiet_however_much_they_change() -> None:
    rows = pair(3, 3_000)
    for values in rows[2_000:2_500]:
        values[0] += 60.0
        values[1] -= 48.0
    assert alarms(observe(rows, Joint(METRICS))) == []


@pytest.mark.parametrize("seed", range(2))
def test_a_lasting_change_is_reported_once_and_the_next_one_too(seed: int) -> None:
    rows = pair(seed, 9_000)
    for at, values in enumerate(rows):
        values[1] += 4.0 * ((at >= 3_000) + (at >= 6_000))
    assert alarms(observe(rows, Joint(METRICS))) == [3_000, 6_000]


def test_a_metric_that_begins_to_move_is_no_anomaly() -> None:
    rows = pair(4, 3_000)
    random = Random(4)
    third = [[*values, 5.0 if at < 1_500 else random.gauss(5.0, 1.0)] for at, values in enumerate(rows)]
    assert alarms(observe(third, Joint([*METRICS, "fan"]))) == []


def test_one_wrong_value_bends_a_relation_little() -> None:
    rows = pair(4, 1_200)
    rows[1_000] = [20.0, 1e6]
    rows[1_100][1] += 5.0
    assert alarms(observe(rows, Joint(METRICS))) == [1_000, 1_100]


def test_an_error_as_small_as_rounding_is_nothing_though_the_metrics_never_differed() -> None:
    random = Random(4)
    rows = [[value, 2.0 * value] for value in (random.gauss(0.0, 1.0) for _ in range(4_200))]
    rows[4_000][1] += 0.06
    rows[4_100][1] += 0.6
    assert alarms(observe(rows, Joint(METRICS))) == [4_100]


def test_nothing_is_judged_before_150_readings() -> None:
    verdicts = observe(pair(5, 160), Joint(METRICS))
    assert [at for at, found in enumerate(verdicts) if found is not None] == list(range(150, 160))


def test_a_restart_changes_nothing_to_the_bit() -> None:
    """Also in the first readings, while warming up, in a break's run and after it was taken for the new normal."""
    rows = pair(6, 3_300)
    for at in BREAK:
        rows[at][0] += 3.0
    whole, other = Joint(METRICS), Joint(METRICS)
    for at, values in enumerate(rows):
        if at in (0, 1, 9, 61, 150, 3_005, 3_019, 3_020, 3_100):
            state, other = other.state(), Joint(METRICS)
            other.restore(state)
            assert other.state() == state == whole.state()
        time_us = START_US + at * MINUTE_US
        assert other.observe(values, time_us) == whole.observe(values, time_us)
    assert other.state() == whole.state()


def test_judging_alone_says_the_same_and_changes_nothing() -> None:
    detector = Joint(METRICS)
    for at, values in enumerate(pair(7, 400)):
        before = detector.state()
        judged = detector.score_one(values, START_US + at * MINUTE_US)
        assert detector.state() == before
        assert detector.observe(values, START_US + at * MINUTE_US) == judged


def _hostile(random: Random) -> float:
    values = (0.0, -0.0, 1e300, -1e300, 1e100, -1e100, 5e-324, 1e6, math.nan, math.inf, random.gauss(0, 1), 7.0)
    return random.choice(values)


def _hostile_values(kind: str, at: int, dimension: int, random: Random) -> list[float]:
    others = dimension - 1
    spikes = [random.gauss(0.0, 1.0) if at % 50 else random.choice((1e100, -1e100)) for _ in range(dimension)]
    kinds = {
        "any": [_hostile(random) for _ in range(dimension)],
        "constant": [3.0] * dimension,
        "equal": [random.gauss(0.0, 1.0)] * dimension,
        "alternating": [(-1.0) ** at * 1e99] * dimension,
        "step": [1e6 * (at > 300) + random.random(), *[random.random()] * others],
        "spikes": spikes,
        "growth": [1.2**at, *[-(1.1**at)] * others],
    }
    return kinds[kind]


@pytest.mark.parametrize("dimension", [2, 8])
@pytest.mark.parametrize("kind", ["any", "constant", "equal", "alternating", "step", "spikes", "growth"])
def test_scores_of_hostile_series_are_finite_and_the_state_is_bounded(kind: str, dimension: int) -> None:
    random, names = Random(8), [f"m{at}" for at in range(dimension)]
    detector = Joint(names)
    times = (0, 1, -1, MINUTE_US, 31_536_000_000_000, -31_536_000_000_000)
    for at in range(800):
        values = _hostile_values(kind, at, dimension, random)
        found = detector.observe(values, START_US + at * MINUTE_US + random.choice(times))
        if found is not None:
            assert math.isfinite(found.verdict.score)
            assert found.verdict.expected is None or math.isfinite(found.verdict.expected)
    assert len(detector.state()) <= LARGEST_STATE
    again = Joint(names)
    again.restore(detector.state())
    assert again.state() == detector.state()


def test_a_value_that_is_no_number_is_neither_judged_nor_learned() -> None:
    detector = Joint(METRICS)
    observe(pair(9, 200), detector)
    before = detector.state()
    for odd in (math.nan, math.inf, 1e101):
        assert detector.observe([20.0, odd], START_US) is None
        assert detector.score_one([odd, 50.0], START_US) is None
    assert detector.state() == before


@pytest.mark.parametrize(
    ("metrics", "said"),
    [([], "metrics are none"), (["a"], "metrics are a;"), (["a", "a"], "2 to 8 different"), (["x"] * 9, "2 to 8")],
)
def test_too_few_too_many_and_equal_metrics_are_refused(metrics: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Joint(metrics)


def test_a_state_of_other_metrics_is_refused() -> None:
    with pytest.raises(ValueError, match="188 bytes are no state of joint/1 of 3 metrics"):
        Joint([*METRICS, "co2"]).restore(Joint(METRICS).state())


def test_the_motes_events_are_found_and_nothing_else(shared_data: Path) -> None:
    late, false_alarms = [], []
    for mote in read_motes(shared_data / "sensors" / "suthaharan-wsn").values():
        rows = [list(values) for values in zip(mote.values["temperature"], mote.values["humidity"], strict=True)]
        found = alarms(observe(rows, Joint(METRICS), INTERVAL_S * 1_000_000))
        inside = [at for at in found if mote.event and mote.event[0] <= at <= mote.event[1]]
        false_alarms.append(len(found) - len(inside))
        if mote.event:
            assert inside
            late.append((inside[0] - mote.event[0]) * INTERVAL_S)
    assert len(late) == 4 and max(late) <= 60
    assert max(false_alarms) <= 1
