"""What the standard job must have written, computed again in plain Python from what was sent, and how it differs.

No code is shared with the engine or the job's rules.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loadtest.engine_load import Sent

WIDTH_US = 10_000_000
LATENESS_US = 20_000_000
ALPHA = 0.05
DEVIATIONS = 4.0
_TOLERANCE = 1e-9
WindowKey = tuple[str, int, int, bool]
"""Device, start, count and whether it is final: each window is emitted once with each."""


class _Reading(NamedTuple):
    """A reading that counts."""

    time_us: int
    value: float
    raw: bytes


@dataclass
class Window:
    """Readings of one device and ten seconds."""

    values: list[float] = field(default_factory=list)
    last_us: int = 0
    last: float = 0.0

    def add(self, time_us: int, value: float) -> None:
        self.values.append(value)
        if time_us > self.last_us:
            self.last_us, self.last = time_us, value

    def content(self) -> tuple[float, ...]:
        return (math.fsum(self.values), min(self.values), max(self.values), self.last, float(self.last_us))


@dataclass
class Expected:
    """Everything that must be there, each thing once."""

    windows: dict[WindowKey, tuple[float, ...]] = field(default_factory=dict)
    anomalies: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    late: Counter[bytes] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.windows) + len(self.anomalies) + self.late.total()


def expected_of(log: Iterable[Sent]) -> Expected:
    """Goes through the readings of each device in the order they were sent."""
    expected = Expected()
    by_device: dict[str, list[_Reading]] = defaultdict(list)
    for sent in log:
        if sent.value is not None and -50 < sent.value < 150:
            by_device[sent.device].append(_Reading(sent.time_us, sent.value, sent.raw))
    for device, readings in by_device.items():
        _add_windows(device, readings, expected)
        _add_anomalies(device, readings, expected)
    return expected


def _add_windows(device: str, readings: Sequence[_Reading], expected: Expected) -> None:
    windows: dict[int, Window] = defaultdict(Window)
    watermark = 0

    def emit(start: int, is_final: bool) -> None:
        window = windows[start]
        expected.windows[device, start, len(window.values), is_final] = window.content()

    for time_us, value, raw in readings:
        start = time_us - time_us % WIDTH_US
        newest = watermark - watermark % WIDTH_US
        if start + WIDTH_US + LATENESS_US <= watermark:
            expected.late[raw] += 1
            continue
        if start > newest and newest in windows and newest + WIDTH_US + LATENESS_US > time_us:
            emit(newest, is_final=False)
        windows[start].add(time_us, value)
        if start < newest:
            emit(start, is_final=False)
        watermark = max(watermark, time_us)
        for due in [one for one in windows if one + WIDTH_US + LATENESS_US <= watermark]:
            emit(due, is_final=True)
            del windows[due]


def _add_anomalies(device: str, readings: Sequence[_Reading], expected: Expected) -> None:
    mean, variance = readings[0].value, 0.0
    for time_us, value, _ in readings:
        distance, deviation = value - mean, math.sqrt(variance)
        if deviation > 0 and abs(distance) > DEVIATIONS * deviation:
            expected.anomalies[device, time_us] = (value, distance / deviation)
        mean += ALPHA * distance
        variance = (1 - ALPHA) * (variance + ALPHA * distance * distance)


@dataclass
class Found:
    """What a reader of committed records has seen, in full."""

    windows: list[Mapping[str, Any]] = field(default_factory=list)
    anomalies: list[Mapping[str, Any]] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.windows) + len(self.anomalies) + len(self.late)

    def add(self, what: str, value: bytes) -> None:
        """Takes a record of the topic of `windows`, `anomalies` or `late`."""
        if what == "late":
            self.late.append(value)
        else:
            getattr(self, what).append(json.loads(value))


def differences(expected: Expected, found: Found) -> dict[str, int]:
    """What is missing, there twice, never due, or other than it must be, by kind; empty where all is right."""
    windows = [(_window_key(window), _window_content(window)) for window in found.windows]
    anomalies = [((one["device_id"], one["ts"]), (one["value"], one["score"])) for one in found.anomalies]
    late = [(value, ()) for value in found.late]
    kinds: Counter[str] = Counter()
    for what, want, have in (
        ("window", expected.windows, windows),
        ("anomaly", expected.anomalies, anomalies),
        ("late reading", dict.fromkeys(expected.late, ()), late),
    ):
        kinds += _compare(what, want, have)
    return dict(kinds)


def _compare(
    what: str, want: Mapping[Any, tuple[float, ...]], have: Sequence[tuple[Any, tuple[float, ...]]]
) -> Counter[str]:
    times = Counter(key for key, _ in have)
    wrong = sum(key in want and not _is_close(want[key], content) for key, content in have)
    return Counter(
        {
            f"{what} missing": sum(key not in times for key in want),
            f"{what} never due": sum(key not in want for key in times),
            f"{what} there twice": sum(count > 1 for count in times.values()),
            f"{what} wrong": wrong,
        }
    )


def _window_key(window: Mapping[str, Any]) -> WindowKey:
    return window["device_id"], window["start"], window["count"], window["final"]


def _window_content(window: Mapping[str, Any]) -> tuple[float, ...]:
    return (window["sum"], window["min"], window["max"], window["last"], float(window["last_ts"]))


def _is_close(want: Sequence[float], have: Sequence[float]) -> bool:
    return all(math.isclose(one, other, rel_tol=_TOLERANCE) for one, other in zip(want, have, strict=True))
