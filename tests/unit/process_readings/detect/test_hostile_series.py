"""Whatever a device sends, every detector and every member gives finite scores and keeps a small state."""

import math
from collections.abc import Sequence

import pytest

from process_readings.detect.registry import LARGEST_STATE
from tests.unit.process_readings.detect.kinds import (
    HOSTILE,
    HOSTILE_TIMES,
    KINDS,
    NOISE,
    Reading,
    alarms,
    at_steps,
    eventful,
    judge,
    make,
)

kinds = pytest.mark.parametrize("kind", KINDS)


def _check(kind: str, readings: Sequence[Reading], what: str) -> None:
    detector = make(kind)
    verdicts = judge(detector, readings)
    assert all(math.isfinite(verdict.score) for verdict in verdicts if verdict), what
    expected = [verdict.expected for verdict in verdicts if verdict and verdict.expected is not None]
    assert all(map(math.isfinite, expected)), what
    assert len(detector.state()) <= LARGEST_STATE, what
    restored = make(kind)
    restored.restore(detector.state())
    last = readings[-1][1]
    assert restored.observe(3.0, last) == detector.observe(3.0, last), what


@kinds
def test_hostile_values(kind: str) -> None:
    for what, values in HOSTILE.items():
        _check(kind, at_steps(values), what)


@kinds
def test_hostile_times(kind: str) -> None:
    for what, times_us in HOSTILE_TIMES.items():
        _check(kind, list(zip(NOISE, times_us, strict=True)), what)


@kinds
def test_constants_never_alarm(kind: str) -> None:
    assert alarms(make(kind), at_steps(HOSTILE["constant"])) == []


@kinds
@pytest.mark.parametrize("count", [160, 520, 700])
def test_what_comes_later_changes_no_verdict(kind: str, count: int) -> None:
    readings = eventful()
    assert judge(make(kind), readings[:count]) == judge(make(kind), readings)[:count]
