"""The standard job of the engine's benchmark, as rules; its peers in `loadtest/peers` do the same.

JSON readings `{device_id, metric, value, ts}`, `ts` in seconds, keyed by device. A reading counts if its value is a
number between -50 and 150, both excluded. Of those, windows of ten seconds per device give count, sum, least and
greatest value, and a reading more than four exponentially weighted standard deviations from the device's mean is an
anomaly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from headrace.streams import watermarks
from headrace.streams.batch import ANY_PARTITION, Batch, OutRecord
from headrace.streams.by_key import by_key
from headrace.streams.columns import KeyedColumns, Rows, Tables
from headrace.streams.tumbling import TumblingWindows
from headrace.streams.windows import Windows
from loadtest.engine_decode import Readings, decode
from loadtest.engine_moments import Moments, Outliers

WINDOW_US = 10_000_000
ALPHA = 0.05
THRESHOLD = 4.0
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Topics:
    """Where the job's outputs go; all of them have as many partitions as the input."""

    windows: str
    anomalies: str
    late: str


@dataclass
class Counts:
    """What became of the readings of a process."""

    received: int = 0
    broken: int = 0
    out_of_range: int = 0
    late: int = 0
    clamped: int = 0
    windows: int = 0
    anomalies: int = 0


class WindowOut(msgspec.Struct, gc=False):
    """A window; microseconds UTC."""

    device_id: str
    start: int
    end: int
    count: int
    sum: float
    min: float
    max: float
    last: float
    last_ts: int
    final: bool
    revision: int


class AnomalyOut(msgspec.Struct, gc=False):
    """A reading that is far from its device's mean; `ts` in microseconds UTC, `score` in standard deviations."""

    device_id: str
    ts: int
    value: float
    score: float


class JobState(Tables):
    """One row per device with its watermark, newest window and moments, and the windows that may still change."""

    def __init__(self, lateness_us: int) -> None:
        columns = (*watermarks.COLUMNS, *TumblingWindows.COLUMNS, *Moments.COLUMNS)
        self.devices = KeyedColumns(b"d", columns)
        self.windows = TumblingWindows(self.devices, WINDOW_US, lateness_us, b"w")
        self.moments = Moments(self.devices, ALPHA, THRESHOLD)
        self.newest = watermarks.BEGINNING
        super().__init__(self.devices, self.windows.passed)

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        super().restore(cells)
        self.newest = watermarks.newest_append(self.devices)


class StandardJob:
    """Rules of the standard job.

    Args:
        lateness_us: for how long after its end a window takes readings. The peers have none.
        idle_us: append time after which a silent device is forgotten.
        quiet_us: wall time after which a silent device's open window is emitted as it is.
    """

    state_schema = "standard-job/1"

    def __init__(
        self, topics: Topics, lateness_us: int = 0, idle_us: int = 7 * _DAY_US, quiet_us: int = 6 * WINDOW_US
    ) -> None:
        self.counts = Counts()
        self._topics = topics
        self._lateness_us = lateness_us
        self._idle_us = idle_us
        self._quiet_us = quiet_us

    def new_state(self) -> JobState:
        """State of a task of which nothing is known."""
        return JobState(self._lateness_us)

    def process(self, state: JobState, batch: Batch) -> list[OutRecord]:
        """Windows, anomalies and late readings of a batch."""
        readings = decode(batch)
        self._count(batch, readings)
        outputs: list[OutRecord] = []
        if not len(readings):
            return outputs
        for sweep, part in watermarks.cut_at_sweeps(readings.appended, state.newest, _DAY_US):
            if sweep is not None:
                outputs += self._forget(state, sweep - self._idle_us, batch.partition)
            outputs += self._add(state, batch, readings.take(part))
        state.newest = max(state.newest, int(readings.appended.max()))
        return outputs

    def on_idle(self, state: JobState, now_us: int) -> list[OutRecord]:
        """The open windows of devices that fell silent."""
        return self._windows_out(state.windows.open_windows(now_us - self._quiet_us), ANY_PARTITION)

    def _add(self, state: JobState, batch: Batch, readings: Readings) -> list[OutRecord]:
        group = by_key(state.devices.rows(readings.keys, len(readings)))
        progress = watermarks.advance(state.devices, group, readings.times, readings.appended)
        added = state.windows.add(group, progress, readings.values)
        outliers = state.moments.add(group, readings.values)
        self.counts.clamped += progress.clamped
        self.counts.late += len(added.late)
        return [
            *self._windows_out(added.windows, batch.partition),
            *self._anomalies_out(readings, outliers, batch.partition),
            *self._late_out(batch, readings.positions[added.late]),
        ]

    def _forget(self, state: JobState, before: int, partition: int) -> list[OutRecord]:
        rows = watermarks.idle_rows(state.devices, before)
        if not len(rows):
            return []
        outputs = self._windows_out(state.windows.finish(rows), partition)
        state.devices.remove(rows)
        return outputs

    def _count(self, batch: Batch, readings: Readings) -> None:
        self.counts.received += len(batch)
        self.counts.broken += readings.broken
        self.counts.out_of_range += readings.out_of_range

    def _windows_out(self, windows: Windows, partition: int) -> list[OutRecord]:
        self.counts.windows += len(windows)
        topic = self._topics.windows
        return [
            OutRecord(topic, row[0], _encode(WindowOut(_text(row[0]), *row[1:])), (), partition)
            for row in windows.rows()
        ]

    def _anomalies_out(self, readings: Readings, outliers: Outliers, partition: int) -> list[OutRecord]:
        positions = outliers.positions
        self.counts.anomalies += len(positions)
        topic, keys = self._topics.anomalies, readings.keys
        columns = (readings.times[positions], readings.values[positions], outliers.scores)
        return [
            OutRecord(topic, keys[position], _encode(AnomalyOut(_text(keys[position]), *row)), (), partition)
            for position, *row in zip(positions.tolist(), *(column.tolist() for column in columns), strict=True)
        ]

    def _late_out(self, batch: Batch, positions: Rows) -> list[OutRecord]:
        topic, partition = self._topics.late, batch.partition
        return [
            OutRecord(topic, batch.keys[position], batch.values[position], (), partition)
            for position in positions.tolist()
        ]


def _text(key: bytes) -> str:
    return key.decode(errors="replace")


_encode = msgspec.json.Encoder().encode
