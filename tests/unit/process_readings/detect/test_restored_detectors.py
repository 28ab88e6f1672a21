"""Every detector's state is a few numbers, and a detector that is restored from them goes on as the old one."""

import math
import random
from collections.abc import Iterable

import pytest

from process_readings.detect.detector import Detector, Verdict
from process_readings.detect.registry import make_detector

KINDS: dict[str, tuple[str, dict[str, float]]] = {
    "level": ("robust_level", {}),
    "trend": ("holt_winters", {}),
    "season": ("holt_winters", {"period": 24}),
    "trees": ("half_space_trees", {"low": 0, "high": 100}),
    "small trees": ("half_space_trees", {"low": -5, "high": 60, "trees": 3, "height": 2, "seed": 9}),
}
STATE_BYTES = {"level": 88, "trend": 150, "season": 350, "trees": 1_400, "small trees": 150}
"""Most bytes of a state; a level outside an event has 48."""
kinds = pytest.mark.parametrize("kind", KINDS)


def _make(kind: str) -> Detector:
    name, parameters = KINDS[kind]
    return make_detector(name, **parameters)


def _series() -> list[float]:
    rng = random.Random(4)
    usual = [20 + 3 * math.sin(at / 24 * 2 * math.pi) + rng.gauss(0, 0.3) for at in range(900)]
    return [*usual[:500], math.nan, 60.0, *[60.5] * 40, *usual[500:], 90.0, -3.0]


def _judge(detector: Detector, values: Iterable[float]) -> list[Verdict | None]:
    return [detector.observe(value, 0) for value in values]


@kinds
@pytest.mark.parametrize("at", [0, 1, 2, 7, 14, 15, 23, 24, 99, 249, 250, 251, 349, 502, 520, 700])
def test_a_restored_detector_goes_on_to_the_bit(kind: str, at: int) -> None:
    values = _series()
    one, other = _make(kind), _make(kind)
    _judge(one, values[:at])
    other.restore(one.state())
    assert other.state() == one.state()
    assert _judge(one, values[at:]) == _judge(other, values[at:])
    assert other.state() == one.state()


@kinds
def test_the_series_has_anomalies_to_get_wrong(kind: str) -> None:
    assert any(verdict.is_anomaly for verdict in _judge(_make(kind), _series()) if verdict)


@kinds
def test_a_state_stays_small(kind: str) -> None:
    detector = _make(kind)
    _judge(detector, _series())
    assert len(detector.state()) <= STATE_BYTES[kind]


@kinds
@pytest.mark.parametrize("at", [5, 600])
def test_a_state_that_is_cut_short_is_refused(kind: str, at: int) -> None:
    detector = _make(kind)
    _judge(detector, _series()[:at])
    state = detector.state()
    for size in (0, 5, len(state) - 1):
        with pytest.raises(ValueError, match="no state of"):
            _make(kind).restore(state[:size])


def test_a_state_of_trees_of_another_size_is_refused() -> None:
    detector = _make("trees")
    _judge(detector, _series())
    with pytest.raises(ValueError, match="no state of"):
        _make("small trees").restore(detector.state())
