"""Rows of `timestamp,value` through the live rules: unit and range of the metric's rule, then its detector."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from math import nan
from typing import NamedTuple
from zoneinfo import ZoneInfo

from headrace.errors import ConfigurationError, TerminalError
from headrace.records import Origin, Reading
from process_readings.clean import clean_value, range_anomaly
from process_readings.decode.times import text_us
from process_readings.detect.registry import make_detector
from process_readings.device_types import DeviceTypes
from process_readings.metric_plan import MetricPlans
from process_readings.series import Series

_ORIGIN = Origin("csv", 0, 0, 0)
_DECODER = "csv/1"


class ScoredRow(NamedTuple):
    """A row of the output; scores are written so that they read back to the bit, empty where there is none."""

    timestamp: str
    value: str
    anomaly_score: str
    threshold: str
    is_anomaly: str
    reason: str


class Kind(Enum):
    """What became of a row: judged by its detector, not judged by it, beyond the metric's range, or not read."""

    JUDGED = "judged"
    NOT_JUDGED = "not judged"
    ABOVE_RANGE = "above range"
    BELOW_RANGE = "below range"
    UNREAD = "unread"


class JudgedRow(NamedTuple):
    """A row as it was read and judged.

    `time_us` of an unread row is that of the row before it, and its `number` NaN. Without a verdict `score` and
    `threshold` are None.
    """

    timestamp: str
    value: str
    kind: Kind
    time_us: int
    number: float
    score: float | None
    threshold: float | None
    is_anomaly: bool
    reason: str

    def written(self) -> ScoredRow:
        """The row of the output."""
        return ScoredRow(
            self.timestamp,
            self.value,
            "" if self.score is None else repr(self.score),
            "" if self.threshold is None else repr(self.threshold),
            "true" if self.is_anomaly else "false",
            self.reason,
        )


@dataclass
class RowCounts:
    """What was done so far; `unread` rows hold no number or no time, `out_of_range` no possible number."""

    rows: int = 0
    anomalies: int = 0
    unread: int = 0
    out_of_range: int = 0


class RowScorer:
    """Judges the rows of one series in their order; what a row gets depends on that row and those before it.

    Attributes:
        zone: of times that are written without one.

    Raises:
        ConfigurationError: there is no such device type.
    """

    def __init__(self, types: DeviceTypes, type_name: str, metric: str) -> None:
        if type_name not in types:
            raise ConfigurationError(f"no device type {type_name!r}; choose one of {', '.join(types.names())}")
        plan = MetricPlans(types, make_detector).get(type_name, metric)
        self.zone: tzinfo = ZoneInfo(types.get(type_name).zone)
        self.counts = RowCounts()
        self._series = Series(metric, plan)
        self._detector = plan.make_detector() if plan.make_detector else None
        self._time = 0

    def judge(self, timestamp: str, value: str) -> JudgedRow:
        """Judges a row, then learns it. A row without a number or a time is not learned; its reason says so."""
        self.counts.rows += 1
        number = _number(value)
        if number is None:
            return self._skip(timestamp, value, "not a number")
        try:
            self._time = text_us(timestamp.strip(), self.zone, self._time)
        except TerminalError:
            return self._skip(timestamp, value, "not a time: give ISO 8601 or an epoch number")
        return self._judge(timestamp, value, number)

    def _skip(self, timestamp: str, value: str, reason: str) -> JudgedRow:
        self.counts.unread += 1
        return JudgedRow(timestamp, value, Kind.UNREAD, self._time, nan, None, None, False, reason)

    def _judge(self, timestamp: str, text: str, number: float) -> JudgedRow:
        series = self._series
        reading = Reading("", "", series.metric, self._time, "device", self._time, _ORIGIN, _DECODER, number=number)
        value = clean_value(series, reading)
        if value != value:
            return self._out_of_range(timestamp, text, reading)
        series.is_out = False
        verdict = self._detector.observe(value, self._time) if self._detector is not None else None
        if verdict is None:
            reason = "no detector" if self._detector is None else "warming up"
            return JudgedRow(timestamp, text, Kind.NOT_JUDGED, self._time, value, None, None, False, reason)
        score, threshold, is_anomaly, reason, _ = verdict
        self.counts.anomalies += is_anomaly
        return JudgedRow(timestamp, text, Kind.JUDGED, self._time, value, score, threshold, is_anomaly, reason)

    def _out_of_range(self, timestamp: str, text: str, reading: Reading) -> JudgedRow:
        """As live: the first of a run is the anomaly."""
        anomaly = range_anomaly(self._series, reading)
        is_first, self._series.is_out = not self._series.is_out, True
        reason = anomaly.reason if is_first else f"{anomaly.reason}, as the readings before it"
        self.counts.out_of_range += 1
        self.counts.anomalies += is_first
        value = anomaly.value
        kind = Kind.ABOVE_RANGE if value > self._series.plan.high else Kind.BELOW_RANGE
        return JudgedRow(timestamp, text, kind, self._time, value, anomaly.score, anomaly.threshold, is_first, reason)


def _number(text: str) -> float | None:
    """The finite number that a cell holds; Python's `1_000` is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number - number == 0.0 and "_" not in text else None


def read_rows(lines: Iterable[str], name: str) -> Iterator[tuple[str, str]]:
    """The (timestamp, value) cells of CSV text, one row at a time; other columns are passed over.

    Raises:
        ConfigurationError: the header lacks a column, a row is too short, or the text is no CSV or not UTF-8; the
            message names the line.
    """
    reader = csv.reader(lines)
    try:
        at = _columns(next(reader, []), name)
        for row in reader:
            if not row:
                continue
            if len(row) <= max(at):
                raise ConfigurationError(
                    f"{name}, line {reader.line_num}: only {len(row)} columns of the header's; mend or drop the row"
                )
            yield row[at[0]], row[at[1]]
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name}, after line {reader.line_num}: not UTF-8 ({error.reason})") from error
    except csv.Error as error:
        raise ConfigurationError(f"{name}, line {reader.line_num}: no CSV: {error}") from error


def _columns(header: list[str], name: str) -> tuple[int, int]:
    found = [cell.strip().lower() for cell in header]
    for column in ("timestamp", "value"):
        if column not in found:
            columns = ", ".join(header)[:200] or "none"
            raise ConfigurationError(
                f"{name}, line 1: no column {column!r} (found: {columns}); the first line must name timestamp and value"
            )
    return found.index("timestamp"), found.index("value")
