"""The rows of the API's answers: flat objects with ISO `time` and `time_ms`, as tables and charts take them.

They are typed dictionaries: one definition that mypy checks, OpenAPI describes and msgspec encodes.
"""

from typing import Annotated

import msgspec
from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.records import Anomaly, AnomalyFeedback, Device, FeedbackVerdict, Reading, Window
from serve_api.times import SECOND_US, iso

Value = float | int | bool | str | None

_Time = Annotated[str, Field(description="Event time, ISO 8601 in UTC with microseconds")]
_TimeMs = Annotated[int, Field(description="The same as epoch milliseconds")]
_Unit = Annotated[str | None, Field(description="SenML or UCUM unit")]
_N = Annotated[int, Field(description="Number among different values of one device, metric and time; mostly 0")]

_READING: JsonValue = {
    "time": "2026-01-31T12:00:00.250000Z",
    "time_ms": 1769860800250,
    "device": "kitchen/fridge",
    "metric": "temperature",
    "value": 4.25,
    "unit": "Cel",
    "flags": ["stuck"],
    "n": 0,
    "seq": 17,
    "message_id": "m-17",
    "time_source": "device",
    "received": "2026-01-31T12:00:00.311000Z",
}
_WINDOW: JsonValue = {
    "time": "2026-01-31T12:00:00.000000Z",
    "time_ms": 1769860800000,
    "end": "2026-01-31T12:01:00.000000Z",
    "width": 60.0,
    "device": "kitchen/fridge",
    "metric": "temperature",
    "count": 60,
    "min": 4.0,
    "max": 4.5,
    "mean": 4.25,
    "stddev": 0.11,
    "last": 4.25,
    "last_time": "2026-01-31T12:00:59.250000Z",
    "unit": "Cel",
    "revision": 1,
    "final": False,
}
_SAID: dict[str, JsonValue] = {
    "verdict": "expected",
    "verdict_given": "2026-01-31T12:20:00.000000Z",
    "verdict_by": "control-room",
    "verdict_note": "the door stood open for the delivery",
}
_ANOMALY: JsonValue = {
    "time": "2026-01-31T12:00:00.250000Z",
    "time_ms": 1769860800250,
    "id": "5e2f1c0a9b7d4e63",
    "device": "kitchen/fridge",
    "metric": "temperature",
    "n": 0,
    "value": 19.5,
    "expected": 4.2,
    "unit": "Cel",
    "score": 31.2,
    "threshold": 6.0,
    "reason": "spike",
    "detector": "robust",
    "detector_version": "1",
    **_SAID,
}
_DEVICE: JsonValue = {
    "device": "kitchen/fridge",
    "type": "zigbee2mqtt",
    "zone": "Europe/Berlin",
    "labels": {"floor": "0"},
    "expected_interval": 60.0,
    "source": "api",
    "first_seen": "2026-01-01T00:00:00.000000Z",
    "updated": "2026-01-31T12:00:00.000000Z",
    "updated_ms": 1769860800000,
}

# FastAPI leaves nulls out of examples, so these have none.
_CURSOR: JsonValue = "WyI1YzBiM2U5ZjFhMmQiLDE3Njk4NjA4MDAwMDAwMDBd"


def _example(*examples: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


@with_config(_example(_READING))
class ReadingRow(TypedDict):
    """One value of one metric of one device at one time."""

    time: _Time
    time_ms: _TimeMs
    device: str
    metric: str
    value: Annotated[Value, Field(description="Number, boolean or text, as the device sent it, in canonical units")]
    unit: _Unit
    flags: Annotated[list[str], Field(description="What cleaning found odd; empty where nothing")]
    n: _N
    seq: Annotated[int | None, Field(description="The device's sequence number")]
    message_id: Annotated[str | None, Field(description="The device's message id")]
    time_source: Annotated[str, Field(description="`device`, or `received` where the device sent no time")]
    received: Annotated[str, Field(description="When Headrace received it")]


@with_config(_example(_WINDOW))
class WindowRow(TypedDict):
    """Statistics of one metric of one device in [time, end); the highest revision only."""

    time: Annotated[str, Field(description="Beginning of the window, ISO 8601 in UTC")]
    time_ms: _TimeMs
    end: Annotated[str, Field(description="End of the window, not part of it")]
    width: Annotated[float, Field(description="Seconds")]
    device: str
    metric: str
    count: int
    min: float
    max: float
    mean: float
    stddev: Annotated[float, Field(description="Standard deviation of the population")]
    last: Annotated[float, Field(description="Value with the newest event time in the window")]
    last_time: str
    unit: _Unit
    revision: Annotated[int, Field(description="Grows with each late change")]
    final: Annotated[bool, Field(description="Whether the allowed lateness has passed")]


@with_config(_example(_ANOMALY))
class AnomalyRow(TypedDict):
    """A reading that a detector finds improbable."""

    time: _Time
    time_ms: _TimeMs
    id: Annotated[str, Field(description="The same for the same event found again by a newer model")]
    device: str
    metric: str
    n: _N
    value: float
    expected: Annotated[float | None, Field(description="What the detector expected, where it can tell")]
    unit: _Unit
    score: float
    threshold: Annotated[float, Field(description="Scores above it are anomalies")]
    reason: str
    detector: str
    detector_version: str
    verdict: Annotated[FeedbackVerdict | None, Field(description="The newest that was said of it, if any was")]
    verdict_given: Annotated[str | None, Field(description="When that was said, ISO 8601 in UTC")]
    verdict_by: Annotated[str | None, Field(description="Name of the client that said it")]
    verdict_note: str | None


@with_config(_example({"id": "5e2f1c0a9b7d4e63", "device": "kitchen/fridge", "metric": "temperature", **_SAID}))
class FeedbackRow(TypedDict):
    """What was said of an anomaly, as the list will show it."""

    id: str
    device: str
    metric: str
    verdict: FeedbackVerdict
    verdict_given: Annotated[str, Field(description="When it was said, ISO 8601 in UTC")]
    verdict_by: Annotated[str, Field(description="Name of the client that said it")]
    verdict_note: str | None


@with_config(_example(_DEVICE))
class DeviceRow(TypedDict):
    """What is known of a device."""

    device: str
    type: str
    zone: Annotated[str, Field(description="Zone of the device's times that carry none")]
    labels: dict[str, str]
    expected_interval: Annotated[float | None, Field(description="Seconds between two messages")]
    source: Annotated[str, Field(description="`observed` on first sight, `api` once it was set")]
    first_seen: str
    updated: str
    updated_ms: int


_Next = Annotated[str | None, Field(description="Cursor of the next page; null on the last one")]


@with_config(_example({"items": [_READING], "next": _CURSOR}))
class ReadingPage(TypedDict):
    """Readings in order of time."""

    items: list[ReadingRow]
    next: _Next


@with_config(_example({"items": [_WINDOW], "next": _CURSOR}))
class WindowPage(TypedDict):
    """Windows in order of time."""

    items: list[WindowRow]
    next: _Next


@with_config(_example({"items": [_ANOMALY], "next": _CURSOR}))
class AnomalyPage(TypedDict):
    """Anomalies in order of time."""

    items: list[AnomalyRow]
    next: _Next


@with_config(_example({"items": [_DEVICE], "next": _CURSOR}))
class DevicePage(TypedDict):
    """Devices of the site."""

    items: list[DeviceRow]
    next: _Next


def encode(answer: object) -> bytes:
    """An answer as JSON."""
    return msgspec.json.encode(answer)


def reading_row(reading: Reading) -> ReadingRow:
    return {
        "time": iso(reading.time),
        "time_ms": reading.time // 1_000,
        "device": reading.device,
        "metric": reading.metric,
        "value": reading.value,
        "unit": reading.unit,
        "flags": list(reading.flags),
        "n": reading.n,
        "seq": reading.seq,
        "message_id": reading.message_id,
        "time_source": reading.time_source,
        "received": iso(reading.received),
    }


def window_row(window: Window) -> WindowRow:
    return {
        "time": iso(window.start),
        "time_ms": window.start // 1_000,
        "end": iso(window.start + window.width),
        "width": window.width / SECOND_US,
        "device": window.device,
        "metric": window.metric,
        "count": window.count,
        "min": window.min,
        "max": window.max,
        "mean": window.mean,
        "stddev": window.stddev,
        "last": window.last,
        "last_time": iso(window.last_time),
        "unit": window.unit,
        "revision": window.revision,
        "final": window.final,
    }


def anomaly_row(anomaly: Anomaly, said: AnomalyFeedback | None = None) -> AnomalyRow:
    return {
        "time": iso(anomaly.time),
        "time_ms": anomaly.time // 1_000,
        "id": anomaly.id,
        "device": anomaly.device,
        "metric": anomaly.metric,
        "n": anomaly.n,
        "value": anomaly.value,
        "expected": anomaly.expected,
        "unit": anomaly.unit,
        "score": anomaly.score,
        "threshold": anomaly.threshold,
        "reason": anomaly.reason,
        "detector": anomaly.detector,
        "detector_version": anomaly.detector_version,
        "verdict": said.verdict if said else None,
        "verdict_given": iso(said.given) if said else None,
        "verdict_by": said.author if said else None,
        "verdict_note": said.note if said else None,
    }


def feedback_row(said: AnomalyFeedback) -> FeedbackRow:
    return {
        "id": said.id,
        "device": said.device,
        "metric": said.metric,
        "verdict": said.verdict,
        "verdict_given": iso(said.given),
        "verdict_by": said.author,
        "verdict_note": said.note,
    }


def device_row(device: Device) -> DeviceRow:
    return {
        "device": device.device,
        "type": device.type,
        "zone": device.zone,
        "labels": device.labels,
        "expected_interval": device.expected_interval,
        "source": device.source,
        "first_seen": iso(device.first_seen),
        "updated": iso(device.updated),
        "updated_ms": device.updated // 1_000,
    }
