"""Eight motes' humidity and temperature, of which four have an event: was it seen, and what else was?

The readings are 5 s apart and have no clock, so each series is taken to begin at 0, 3, … 21 h; the worst is reported.
An alarm outside a mote's event is false.

Source: S. Suthaharan et al., "Labelled data collection for anomaly detection in wireless sensor networks" (2010).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from process_readings.detect.detector import Detector

INTERVAL_S = 5
STARTS_H = range(0, 24, 3)

Mote = tuple[str, str]
"""Kind of network and number."""


@dataclass
class MoteSeries:
    """The metrics of one mote by name, and first and last place of its event."""

    values: dict[str, list[float]] = field(default_factory=lambda: {"humidity": [], "temperature": []})
    event: tuple[int, int] | None = None


@dataclass(frozen=True)
class MotesOutcome:
    """The worst of all starts.

    Attributes:
        seconds_late: by mote with an event, None where it was not seen.
        most_false_alarms: of one mote in its whole series, both metrics together.
        false_alarms: of all eight motes.
    """

    seconds_late: dict[str, int | None]
    most_false_alarms: int
    false_alarms: int


def read_motes(data: Path) -> dict[Mote, MoteSeries]:
    """All eight."""
    motes: dict[Mote, MoteSeries] = {}
    for network in ("single-hop", "multi-hop"):
        with (data / network / "data" / "data.csv").open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                mote = motes.setdefault((network, row["mote_id"]), MoteSeries())
                at = len(mote.values["humidity"])
                for metric, values in mote.values.items():
                    values.append(float(row[metric]))
                if int(row["label"]):
                    mote.event = (mote.event[0] if mote.event else at, at)
    return motes


def judge_motes(make: Callable[[], Detector], motes: Mapping[Mote, MoteSeries]) -> MotesOutcome:
    """Streams each metric through a detector of its own, from each start."""
    late: dict[str, list[int | None]] = {}
    false_alarms: list[list[int]] = []
    for hour in STARTS_H:
        start_us = hour * 3_600_000_000
        of_motes = []
        for (network, number), mote in motes.items():
            found = [at for values in mote.values.values() for at in _alarms(make(), values, start_us)]
            inside = [at for at in found if mote.event and mote.event[0] <= at <= mote.event[1]]
            of_motes.append(len(found) - len(inside))
            if mote.event:
                seconds = (min(inside) - mote.event[0]) * INTERVAL_S if inside else None
                late.setdefault(f"{network} {number}", []).append(seconds)
        false_alarms.append(of_motes)
    return MotesOutcome(
        seconds_late={name: _worst(seconds) for name, seconds in late.items()},
        most_false_alarms=max(max(of_motes) for of_motes in false_alarms),
        false_alarms=max(sum(of_motes) for of_motes in false_alarms),
    )


def _alarms(detector: Detector, values: list[float], start_us: int) -> list[int]:
    found = []
    for at, value in enumerate(values):
        verdict = detector.observe(value, start_us + at * INTERVAL_S * 1_000_000)
        if verdict is not None and verdict.is_anomaly:
            found.append(at)
    return found


def _worst(seconds: list[int | None]) -> int | None:
    seen = [each for each in seconds if each is not None]
    return max(seen) if len(seen) == len(seconds) else None
