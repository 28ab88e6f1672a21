"""What operators may expect of the default detector."""

import math
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest

from process_readings.detect.detector import Verdict
from process_readings.detect.robust_level import RobustLevel

SEED = 20261124


def noise(count: int, level: float = 20.0, spread: float = 0.5) -> list[float]:
    rng = random.Random(SEED)
    return [rng.gauss(level, spread) for _ in range(count)]


def judge(values: Iterable[float], detector: RobustLevel | None = None) -> list[Verdict | None]:
    detector = detector or RobustLevel()
    return [detector.observe(value, at * 1_000_000) for at, value in enumerate(values)]


def anomalies(verdicts: list[Verdict | None]) -> list[int]:
    return [at for at, verdict in enumerate(verdicts) if verdict and verdict.is_anomaly]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_scores_do_not_depend_on_the_unit(scale: float) -> None:
    values = [*noise(2_000), 30.0]
    plain, scaled = judge(values)[-1], judge([value * scale for value in values])[-1]
    assert plain and scaled
    assert scaled.score == pytest.approx(plain.score, rel=1e-6)


def test_normal_noise_raises_no_alarm() -> None:
    assert anomalies(judge(noise(20_000))) == []


def test_a_spike_is_explained_in_words_and_leaves_no_trace() -> None:
    before, after = noise(1_000), noise(200)
    verdicts = judge([*before, 60.0, *after])
    spike = verdicts[1_000]
    assert anomalies(verdicts) == [1_000]
    assert spike
    assert spike.reason == f"60 is {spike.score:.3g} spreads above the expected {spike.expected:.6g}"
    assert spike.expected == pytest.approx(20.0, abs=1.0)
    unhurt = judge([*before, 20.0, *after])[-1]
    assert verdicts[-1] and unhurt
    assert verdicts[-1].score == pytest.approx(unhurt.score, abs=0.2)


def test_larger_spikes_score_higher_without_a_ceiling() -> None:
    scores = []
    for size in (1e1, 1e3, 1e6, 1e12):
        verdict = judge([*noise(500), 20.0 + size])[-1]
        assert verdict
        scores.append(verdict.score)
    assert all(later > 10 * earlier for earlier, later in pairwise(scores))


@pytest.mark.parametrize("spikes_every", [200, 1_440])
def test_regular_rare_spikes_are_each_reported(spikes_every: int) -> None:
    values = [20.0 + 0.1 * (at % 3) + (30.0 if at % spikes_every == 150 else 0.0) for at in range(20_000)]
    expected = [at for at in range(20_000) if at % spikes_every == 150]
    assert anomalies(judge(values)) == expected


@pytest.mark.parametrize("spreads", [20, 100, 10_000, 1_000_000])
def test_a_lasting_shift_is_reported_once_and_normal_after_thirty_readings(spreads: int) -> None:
    shifted = noise(1_000, level=20.0 + 0.5 * spreads)
    verdicts = judge([*noise(2_000), *shifted])
    assert anomalies(verdicts) == [2_000]
    learned = [verdict for verdict in verdicts[2_030:] if verdict]
    assert max(verdict.score for verdict in learned) < 8.0


@pytest.mark.parametrize("spreads", [100, 10_000, 1_000_000])
def test_a_learned_shift_does_not_widen_the_spread(spreads: int) -> None:
    level = 20.0 + 0.5 * spreads
    last = judge([*noise(2_000), *noise(35, level=level), level + 6.5])[-1]
    assert last
    assert last.is_anomaly


def test_readings_of_a_running_event_keep_their_score_and_say_so() -> None:
    second = judge([*noise(2_000), 70.0, 70.3])[-1]
    assert second
    assert second.score > second.threshold
    assert not second.is_anomaly
    assert second.reason.endswith("as the readings before it")


def test_a_jump_within_an_event_is_reported() -> None:
    assert anomalies(judge([*noise(2_000), 70.0, 70.2, 150.0])) == [2_000, 2_002]


@pytest.mark.parametrize("factor", [3, 10, 100, 1_000])
def test_wider_noise_is_normal_after_two_hundred_readings(factor: int) -> None:
    verdicts = judge([*noise(2_000), *noise(4_000, spread=0.5 * factor)])
    found = anomalies(verdicts)
    assert len(found) <= 40
    assert all(at < 2_200 for at in found)


def test_the_first_large_change_of_a_constant_is_seen_and_a_small_one_is_not() -> None:
    assert anomalies(judge([20.0] * 1_000 + [25.0] + [20.0] * 50)) == [1_000]
    assert anomalies(judge([0.0] * 1_000 + [1.0] + [0.0] * 50)) == [1_000]
    assert anomalies(judge([20.0] * 1_000 + [20.5] * 50)) == []


def test_steps_of_a_series_own_size_are_no_anomaly_after_a_long_flat_stretch() -> None:
    steps = [20.0 + 0.1 * (at % 4) for at in range(500)]
    assert anomalies(judge([*steps, *[20.0] * 50_000, 20.1, 20.2])) == []
    assert anomalies(judge([*steps, *[20.0] * 50_000, 23.2])) == [50_500]


def test_rounding_errors_of_float32_are_not_the_series_resolution() -> None:
    values = [18.9, 18.899999618530273, 19.0, 19.0] * 200
    assert anomalies(judge([*values, *[18.9] * 50_000, 19.0])) == []


def test_an_outlier_in_the_first_readings_does_not_blind_it() -> None:
    values = noise(1_000, spread=0.1)
    values[0] = values[4] = 500.0
    assert anomalies(judge([*values[:110], 30.0])) == [110]


def test_ramps_and_days_are_normal() -> None:
    assert anomalies(judge(0.1 * at for at in range(5_000))) == []
    rng = random.Random(SEED)
    day = [20.0 + 5.0 * math.sin(at / 1_440 * 2 * math.pi) + rng.gauss(0.0, 0.1) for at in range(10_000)]
    assert anomalies(judge(day)) == []


HOSTILE: dict[str, list[float]] = {
    "constants": [7.0] * 500,
    "nan runs": [math.nan if at % 7 < 3 else float(at % 5) for at in range(500)],
    "infinities": [(math.inf, -math.inf, 1.0)[at % 3] for at in range(500)],
    "1e300": [1e300 * (-1.0) ** at for at in range(500)],
    "largest": [1.7e308 * (-1.0) ** at for at in range(500)],
    "smallest": [5e-324 * (at % 2) for at in range(500)] + [1.0],
    "smallest, then largest": [5e-324 * (at % 2) for at in range(500)] + [1e300],
    "step of a million": [0.0] * 300 + [1e6] * 200,
    "alternating signs": [3.0 * (-1.0) ** at for at in range(500)],
}


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE.keys())
def test_scores_stay_finite_on_hostile_series(values: list[float]) -> None:
    detector = RobustLevel()
    verdicts = [verdict for verdict in judge(values, detector) if verdict]
    assert all(math.isfinite(verdict.score) for verdict in verdicts)
    assert all(math.isfinite(number) for number in detector.numbers())


def test_values_that_are_no_numbers_change_nothing() -> None:
    values = noise(500)
    mixed = [each for value in values for each in (math.nan, value, math.inf)]
    assert [verdict for verdict in judge(mixed) if verdict] == [verdict for verdict in judge(values) if verdict]
