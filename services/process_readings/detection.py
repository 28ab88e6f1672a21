"""Anomalies: what a detector's verdict on a reading becomes."""

from headrace.records import Anomaly, Reading
from process_readings.detect.anomaly_id import anomaly_id
from process_readings.detect.detector import Detector


def detect(detector: Detector, reading: Reading, value: float) -> Anomaly | None:
    """Lets a detector judge a reading and learn it; returns the anomaly, if it is one."""
    verdict = detector.observe(value, reading.time)
    if verdict is None or not verdict.is_anomaly:
        return None
    return Anomaly(
        id=anomaly_id(reading.site, reading.device, reading.metric, reading.time, reading.n, detector.family),
        site=reading.site,
        device=reading.device,
        metric=reading.metric,
        time=reading.time,
        n=reading.n,
        value=value,
        score=verdict.score,
        threshold=verdict.threshold,
        reason=verdict.reason,
        detector=detector.family,
        detector_version=detector.version,
        expected=verdict.expected,
        unit=reading.unit,
    )
