"""All detectors that a device type can choose, an ensemble of each member alone among them, and series for them."""

import math
import random
from collections.abc import Sequence
from typing import Any

from process_readings.detect.detector import Detector, Verdict
from process_readings.detect.members.by_name import MEMBERS
from process_readings.detect.registry import make_detector

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "level": ("robust_level", {}),
    "holt-winters": ("holt_winters", {}),
    "season": ("holt_winters", {"period": 24}),
    "trees": ("half_space_trees", {"low": 0, "high": 100}),
    "small trees": ("half_space_trees", {"low": -5, "high": 60, "trees": 3, "height": 2, "seed": 9}),
    "ensemble": ("ensemble", {}),
    **{member: ("ensemble", {"members": [member]}) for member in MEMBERS},
}
STEP_US = 300_000_000
DAY = 288
"""Readings of a day."""
ENSEMBLE_BYTES = 1_998
"""Most bytes of the default's state."""
YEAR_US = 365 * 86_400_000_000
SEED = 20261128

Reading = tuple[float, int]


def make(kind: str) -> Detector:
    """A fresh one."""
    name, parameters = KINDS[kind]
    return make_detector(name, **parameters)


def at_steps(values: Sequence[float]) -> list[Reading]:
    """With times 300 s apart."""
    return [(value, at * STEP_US) for at, value in enumerate(values)]


def judge(detector: Detector, readings: Sequence[Reading]) -> list[Verdict | None]:
    """All verdicts."""
    return [detector.observe(value, time_us) for value, time_us in readings]


def alarms(detector: Detector, readings: Sequence[Reading]) -> list[int]:
    """Places of the anomalies."""
    return [at for at, verdict in enumerate(judge(detector, readings)) if verdict and verdict.is_anomaly]


def eventful() -> list[Reading]:
    """A period of 24 readings, noise, a NaN, a shift to a value that nearly rests, a gap of two hours and spikes."""
    rng = random.Random(4)
    usual = [20 + 3 * math.sin(at / 24 * 2 * math.pi) + rng.gauss(0, 0.3) for at in range(900)]
    values = [*usual[:500], math.nan, 60.0, *[60.5] * 40, *usual[500:], 90.0, -3.0]
    return [(value, at * STEP_US + (at > 640) * 24 * STEP_US) for at, value in enumerate(values)]


def _walk(count: int) -> list[float]:
    rng = random.Random(SEED)
    return [rng.gauss(0.0, 1.0) for _ in range(count)]


COUNT = 600
HOSTILE: dict[str, list[float]] = {
    "constant": [7.0] * COUNT,
    "zero": [0.0] * COUNT,
    "a spike a day": [1e3 if at % DAY == 100 else 1.0 for at in range(COUNT)],
    "nan runs": [math.nan if at % 50 < 20 else value for at, value in enumerate(_walk(COUNT))],
    "infinities": [math.inf if at % 3 else value for at, value in enumerate(_walk(COUNT))],
    "1e300 once": [1e300 if at == 400 else value for at, value in enumerate(_walk(COUNT))],
    "1e300 and back": [1e300 * (-1) ** at for at in range(COUNT)],
    "1e300 in runs": [1e300 * (-1) ** (at // 12) for at in range(COUNT)],
    "beyond what is judged": [1.7e308 * (-1) ** at for at in range(COUNT)],
    "alternating signs": [float((-1) ** at) for at in range(COUNT)],
    "a step of a million": [0.0 if at < 400 else 1e6 for at in range(COUNT)],
    "denormal": [1e-310 * (at % 3) for at in range(COUNT)],
    "growing": [1.2**at for at in range(COUNT)],
    "falling to nothing": [0.5**at for at in range(COUNT)],
}
HOSTILE_TIMES: dict[str, list[int]] = {
    "repeating": [0] * COUNT,
    "going back": [-at * STEP_US for at in range(COUNT)],
    "jumping a year": [at * STEP_US + (at > 400) * YEAR_US for at in range(COUNT)],
    "jumping a year and back": [at * STEP_US + (at % 100 == 0) * YEAR_US for at in range(COUNT)],
    "anything": [random.Random(at).randrange(-(2**62), 2**62) for at in range(COUNT)],
    "a microsecond apart": list(range(COUNT)),
}
NOISE = _walk(COUNT)
