"""Anomalies: what a detector's verdict on a reading becomes."""

from typing import Protocol

from headrace.records import Anomaly, Reading
from process_readings.detect.anomaly_id import anomaly_id
from process_readings.detect.detector import Verdict


class Kind(Protocol):
    """What an anomaly says of the detector that found it."""

    family: str
    version: str


def anomaly_of(reading: Reading, value: float, verdict: Verdict, kind: Kind) -> Anomaly:
    """The anomaly that a verdict says a reading is.

    Args:
        value: the reading's number as the detector saw it.
    """
    return Anomaly(
        id=anomaly_id(reading.site, reading.device, reading.metric, reading.time, reading.n, kind.family),
        site=reading.site,
        device=reading.device,
        metric=reading.metric,
        time=reading.time,
        n=reading.n,
        value=value,
        score=verdict.score,
        threshold=verdict.threshold,
        reason=verdict.reason,
        detector=kind.family,
        detector_version=kind.version,
        expected=verdict.expected,
        unit=reading.unit,
    )
