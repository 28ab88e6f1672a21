"""What holds for every detector that a device type can choose."""

import math
import random
from collections.abc import Mapping
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from process_readings.detect.registry import DEFAULT_DETECTOR, detector_names, make_detector

PARAMETERS: Mapping[str, dict[str, Any]] = {"half_space_trees": {"low": 0.0, "high": 100.0}}
SEED = 20261124

pytestmark = pytest.mark.parametrize("name", detector_names())


def series(count: int = 900) -> list[float]:
    rng = random.Random(SEED)
    return [round(rng.gauss(20.0, 0.5), 1) for _ in range(count)]


def test_judging_changes_nothing_and_observing_is_judging_then_learning(name: str) -> None:
    parameters = PARAMETERS.get(name, {})
    apart, together = make_detector(name, **parameters), make_detector(name, **parameters)
    for at, value in enumerate([*series(), 95.0, *series(50)]):
        assert apart.score_one(90.0, at) == apart.score_one(90.0, at)
        verdict = apart.score_one(value, at)
        apart.learn_one(value, at)
        assert together.observe(value, at) == verdict


def test_the_same_readings_give_the_same_verdicts_again(name: str) -> None:
    def run() -> list[object]:
        detector = make_detector(name, **PARAMETERS.get(name, {}))
        return [detector.observe(value, at) for at, value in enumerate([*series(), 95.0])]

    assert run() == run()


def test_a_spike_is_an_anomaly_with_a_reason_and_nothing_before_warm_up_is(name: str) -> None:
    detector = make_detector(name, **PARAMETERS.get(name, {}))
    first, *verdicts = (detector.observe(value, at) for at, value in enumerate(series()))
    assert first is None
    assert not any(verdict.is_anomaly or verdict.reason for verdict in verdicts if verdict)
    spike = detector.observe(95.0, 10_000)
    assert spike
    assert spike.is_anomaly
    assert spike.score > spike.threshold
    assert spike.reason.startswith("95 is ")


def test_values_that_are_not_finite_are_not_judged_and_spoil_nothing(name: str) -> None:
    detector = make_detector(name, **PARAMETERS.get(name, {}))
    for at, value in enumerate(series()):
        detector.observe(value, at)
        for odd in (math.nan, math.inf, -math.inf):
            assert detector.observe(odd, at) is None
    verdict = detector.observe(20.0, 10_000)
    assert verdict
    assert math.isfinite(verdict.score)
    assert not verdict.is_anomaly


def test_a_wrong_parameter_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{name}' with .*sensitivity"):
        make_detector(name, sensitivity=3)


def test_the_default_is_one_of_them_and_an_unknown_name_lists_them(name: str) -> None:
    assert DEFAULT_DETECTOR in detector_names()
    with pytest.raises(ConfigurationError, match=f"no detector 'magic'.*{name}"):
        make_detector("magic")
