"""Records for the tests of the sink."""

from typing import Any

from headrace.records import Anomaly, AnomalyFeedback, Device, Origin, Reading, Record, Window, encode, headers_of
from headrace.streams.batch import Batch

NOW = 1_790_000_000_000_000


def reading(**changes: Any) -> Reading:
    fields: dict[str, Any] = {
        "site": "main",
        "device": "meter-1",
        "metric": "flow",
        "time": NOW,
        "time_source": "device",
        "received": NOW + 5_000,
        "origin": Origin("readings.raw", 3, 17, 0),
        "decoder": "json/1",
        "number": 1.5,
    }
    return Reading(**(fields | changes))


def window(**changes: Any) -> Window:
    fields: dict[str, Any] = {
        "site": "main",
        "device": "meter-1",
        "metric": "flow",
        "start": NOW,
        "width": 10_000_000,
        "count": 3,
        "min": 1.0,
        "max": 3.0,
        "mean": 2.0,
        "stddev": 0.5,
        "last": 3.0,
        "last_time": NOW + 9,
        "revision": 0,
    }
    return Window(**(fields | changes))


def anomaly(**changes: Any) -> Anomaly:
    fields: dict[str, Any] = {
        "id": "a1b2",
        "site": "main",
        "device": "meter-1",
        "metric": "flow",
        "time": NOW,
        "n": 0,
        "value": 99.0,
        "score": 8.0,
        "threshold": 6.0,
        "reason": "far above the level",
        "detector": "robust_level",
        "detector_version": "1",
    }
    return Anomaly(**(fields | changes))


def feedback(of: Anomaly, **changes: Any) -> AnomalyFeedback:
    """What is said of an anomaly."""
    fields: dict[str, Any] = {
        **{name: getattr(of, name) for name in ("id", "site", "device", "metric", "time", "n", "detector")},
        "verdict": "false",
        "given": NOW + 1,
        "author": "control-room",
    }
    return AnomalyFeedback(**(fields | changes))


def device(**changes: Any) -> Device:
    fields: dict[str, Any] = {
        "site": "main",
        "device": "meter-1",
        "type": "water_meter",
        "source": "observed",
        "first_seen": NOW,
        "updated": NOW,
    }
    return Device(**(fields | changes))


def batch(topic: str, *records: Record, partition: int = 0, appended: int = NOW) -> Batch:
    """A batch as the runner makes it of these records, all appended at one time."""
    return Batch(
        topic=topic,
        partition=partition,
        offsets=range(len(records)),
        timestamps=[appended] * len(records),
        keys=[b"main/meter-1"] * len(records),
        values=[encode(record) for record in records],
        headers=[headers_of(record) for record in records],
    )
