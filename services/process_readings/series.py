"""What is kept in memory of one metric of one device: its recent readings by event time, and its detector."""

from array import array
from bisect import bisect_left

from process_readings.detect.detector import Detector
from process_readings.device_types import NO_DETECTOR, MetricRule, StuckRule
from process_readings.units import Conversion

BOUND = 1e100
"""Larger values are out of range for every metric: their squares would pass what a double holds."""
KEPT_READINGS = 64
"""Newest readings whose identity is remembered even beyond the allowed lateness, so that a repeat from a device that
reports rarely is recognised."""
_TRUNCATE_FROM = 64


class Series:
    """One metric of one device.

    The columns `times`, `values` and `prints` hold a row per reading in the order of event time; 24 bytes a row. They
    are what repeats are recognised by and what windows are computed from.

    Attributes:
        times: event times in microseconds.
        values: the value, or NaN for a reading that is in no window (text, boolean, out of range, retained).
        prints: tells apart readings of equal time and value; see `identity.fingerprint`.
        remembered: identities that hold no usable event time, oldest first.
        run_value, run_length, run_since: the present run of equal values, in arrival order.
        emitted: count at the last emission of windows that were emitted while the device was idle.
    """

    __slots__ = (
        "conversions",
        "detector",
        "emitted",
        "high",
        "is_out",
        "low",
        "metric",
        "prints",
        "remembered",
        "rule",
        "run_length",
        "run_since",
        "run_value",
        "stuck",
        "times",
        "unit",
        "values",
    )

    def __init__(self, metric: str, rule: MetricRule, detector: Detector | None) -> None:
        self.metric = metric
        self.times = array("q")
        self.values = array("d")
        self.prints = array("q")
        self.remembered: dict[int, None] | None = None
        self.run_value = float("nan")
        self.run_length = 0
        self.run_since = 0
        self.is_out = False
        self.emitted: dict[tuple[int, int], int] | None = None
        self.unit: str | None = None
        self.use(rule, detector)

    def use(self, rule: MetricRule, detector: Detector | None) -> None:
        """Goes on under another rule."""
        low, high = rule.range or (None, None)
        self.rule = rule
        self.low = -BOUND if low is None else low
        self.high = BOUND if high is None else high
        self.stuck: StuckRule | None = rule.stuck
        self.detector = detector if rule.detector != NO_DETECTOR else None
        self.conversions: dict[str | None, tuple[Conversion | None, str | None]] = {}

    def truncate(self, before: int) -> None:
        """Forgets readings older than `before`, except the newest few; works in steps, so that it costs little."""
        times = self.times
        drop = min(bisect_left(times, before), len(times) - KEPT_READINGS)
        if drop >= _TRUNCATE_FROM:
            del times[:drop], self.values[:drop], self.prints[:drop]
