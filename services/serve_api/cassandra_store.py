"""Reads of Cassandra's tables; `headrace.tables` says how they are cut into partitions.

A time range is a list of partitions, read in order and only as far as the page needs. Rows of `readings` and `windows`
hold a map from metric to value, so a row gives several readings.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from headrace import tables
from headrace.records import Anomaly, AnomalyFeedback, Device, Origin, Reading, Window
from serve_api.cassandra_client import CassandraClient, Row
from serve_api.scan import Entry, Fetch, Found, Page, Position, scan
from serve_api.store import AnomalyOrigin, JudgedAnomaly, Slice

MAX_READ = 100_000
"""Rows that one request may read; a filter that keeps few of them gets a short page and a cursor."""
_PAGE_ROWS = 2_000

T = TypeVar("T")

_READINGS = """FROM readings WHERE site = ? AND bucket = ? AND hour = ? AND device = ?
    AND (time, n) >= (?, ?) AND (time, n) <= (?, ?)"""
_WINDOWS = """FROM windows WHERE site = ? AND bucket = ? AND width = ? AND period = ? AND device = ?
    AND start >= ? AND start < ?"""
_OF_DEVICE = """SELECT time, id, metric, n, anomaly, device, feedback FROM anomalies_by_device
    WHERE site = ? AND device = ? AND week = ? AND (time, id) >= (?, ?) AND (time, id) <= (?, ?)"""
_OF_ALL = """SELECT time, id, metric, n, anomaly, device, feedback FROM anomalies_by_hour
    WHERE site = ? AND hour = ? AND (time, id) >= (?, ?) AND (time, id) <= (?, ?)"""

STATEMENTS = {
    "check": "SELECT release_version FROM system.local",
    "device": "SELECT device, observed, set_by_api FROM devices WHERE site = ? AND device = ?",
    "devices": "SELECT device, observed, set_by_api FROM devices WHERE site = ? AND device > ?",
    "latest": "SELECT device, readings FROM latest WHERE site = ? AND bucket = ? AND device >= ?",
    "latest_of_device": "SELECT device, readings FROM latest WHERE site = ? AND bucket = ? AND device = ?",
    "readings_asc": f"SELECT time, n, readings {_READINGS}",
    "readings_desc": f"SELECT time, n, readings {_READINGS} ORDER BY device DESC, time DESC, n DESC",
    "metric_asc": f"SELECT time, n, readings[?] {_READINGS}",
    "metric_desc": f"SELECT time, n, readings[?] {_READINGS} ORDER BY device DESC, time DESC, n DESC",
    "windows_asc": f"SELECT start, windows {_WINDOWS}",
    "windows_desc": f"SELECT start, windows {_WINDOWS} ORDER BY device DESC, start DESC",
    "anomalies_asc": _OF_DEVICE,
    "anomalies_desc": f"{_OF_DEVICE} ORDER BY time DESC, id DESC, metric DESC, n DESC",
    "anomaly_by_id": "SELECT device, metric, time, n, detector FROM anomalies_by_id WHERE site = ? AND id = ?",
    "all_anomalies_asc": _OF_ALL,
    "all_anomalies_desc": f"{_OF_ALL} ORDER BY time DESC, id DESC, device DESC, metric DESC, n DESC",
}


class CassandraStore:
    """`Store` on Cassandra."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def failure(self) -> str | None:
        return self._client.failure()

    async def check(self) -> None:
        await self._client.page("check", (), 1)

    async def device(self, site: str, device: str) -> Device | None:
        page = await self._client.page("device", (site, device), 1)
        return _device(site, page.rows[0]) if page.rows else None

    async def devices(self, site: str, after: str, limit: int) -> Found[Device]:
        def read(row: Row) -> list[Entry[Device]]:
            return [((row[0],), _device(site, row))]

        fetch = self._fetch("devices", lambda _: (site, after), read, limit)
        return await scan([site], fetch, lambda position, device: True, limit, MAX_READ)

    async def latest(
        self, site: str, device: str | None, metric: str | None, after: Position | None, limit: int
    ) -> Found[Reading]:
        first_bucket, first_device = (int(after[0]), str(after[1])) if after else (0, "")
        statement, buckets = "latest", list(range(first_bucket, tables.BUCKETS))
        if device is not None:
            statement, buckets = "latest_of_device", [tables.bucket_of(site, device)]

        def values(bucket: int) -> Row:
            return (site, bucket, device or (first_device if bucket == first_bucket else ""))

        def keep(position: Position, reading: Reading) -> bool:
            return metric in (None, reading.metric) and (after is None or position > after)

        fetch = self._fetch(statement, values, lambda row: _latest(site, row), limit)
        return await scan(buckets, fetch, keep, limit, MAX_READ)

    async def readings(self, device: str, metric: str | None, wanted: Slice) -> Found[Reading]:
        bucket, bounds = tables.bucket_of(wanted.site, device), _bounds(wanted, -1)

        def values(hour: int) -> Row:
            key = (wanted.site, bucket, hour, device, *bounds)
            return key if metric is None else (metric, *key)

        def read(row: Row) -> list[Entry[Reading | None]]:
            time, n, found = row
            entries = found.items() if metric is None else [(metric, found)]
            return [
                ((time, n, name), _reading(wanted.site, device, name, time, n, value) if value else None)
                for name, value in sorted(entries, reverse=wanted.newest_first)
            ]

        def keep(position: Position, reading: Reading | None) -> bool:
            return reading is not None and wanted.is_behind(position)

        statement = _ordered("readings" if metric is None else "metric", wanted)
        fetch = self._fetch(statement, values, read, wanted.limit)
        found = await scan(_periods(wanted, tables.HOUR_US), fetch, keep, wanted.limit, MAX_READ)
        return Found([reading for reading in found.items if reading is not None], found.reached)

    async def windows(self, device: str, metric: str | None, width: int, wanted: Slice) -> Found[Window]:
        bucket = tables.bucket_of(wanted.site, device)

        def values(period: int) -> Row:
            return (wanted.site, bucket, width, period, device, *_narrowed(wanted))

        def read(row: Row) -> list[Entry[Window]]:
            start, found = row
            return [
                ((start, name), _window(wanted.site, device, name, start, width, value))
                for name, value in sorted(found.items(), reverse=wanted.newest_first)
            ]

        def keep(position: Position, window: Window) -> bool:
            return metric in (None, window.metric) and wanted.is_behind(position)

        fetch = self._fetch(_ordered("windows", wanted), values, read, wanted.limit)
        periods = _periods(wanted, width * tables.WINDOWS_PER_PERIOD)
        return await scan(periods, fetch, keep, wanted.limit, MAX_READ)

    async def anomalies(self, device: str | None, metric: str | None, wanted: Slice) -> Found[JudgedAnomaly]:
        key = (wanted.site,) if device is None else (wanted.site, device)
        statement, length = ("all_anomalies", tables.HOUR_US) if device is None else ("anomalies", tables.WEEK_US)

        def read(row: Row) -> list[Entry[JudgedAnomaly]]:
            # What was said of an anomaly lives a little longer than the anomaly.
            return [((row[0], row[1]), _judged(wanted.site, row))] if row[4] is not None else []

        def keep(position: Position, found: JudgedAnomaly) -> bool:
            return metric in (None, found.anomaly.metric) and wanted.is_behind(position)

        fetch = self._fetch(
            _ordered(statement, wanted), lambda period: (*key, period, *_bounds(wanted, "")), read, wanted.limit
        )
        return await scan(_periods(wanted, length), fetch, keep, wanted.limit, MAX_READ)

    async def anomaly_origin(self, site: str, identity: str) -> AnomalyOrigin | None:
        page = await self._client.page("anomaly_by_id", (site, identity), 1)
        return AnomalyOrigin(*page.rows[0]) if page.rows else None

    def _fetch(
        self,
        statement: str,
        values: Callable[[Any], Row],
        read: Callable[[Row], list[Entry[T]]],
        limit: int,
    ) -> Fetch[Any, T]:
        size = min(limit + 1, _PAGE_ROWS)

        async def fetch(partition: object, state: bytes | None) -> Page[Entry[T]]:
            page = await self._client.page(statement, values(partition), size, state)
            return Page([entry for row in page.rows for entry in read(row)], page.state)

        return fetch


def _bounds(wanted: Slice, least: object) -> Row:
    """The ends of a slice as low (time, tie-breaker) and high ones, both inclusive, narrowed to what is still unread.

    The tie-breaker of an open end is less than any that exists, so that rows at `start` are in and those at `end` out.
    """
    low: Row = (wanted.start, least)
    high: Row = (wanted.end, least)
    if wanted.after is None:
        return low + high
    reached = wanted.after[:2]
    return low + reached if wanted.newest_first else reached + high


def _narrowed(wanted: Slice) -> tuple[int, int]:
    """The half-open time range that is still unread; it begins with the time that was reached."""
    if wanted.after is None:
        return wanted.start, wanted.end
    reached = int(wanted.after[0])
    return (wanted.start, reached + 1) if wanted.newest_first else (reached, wanted.end)


def _ordered(statement: str, wanted: Slice) -> str:
    return f"{statement}_{'desc' if wanted.newest_first else 'asc'}"


def _periods(wanted: Slice, length: int) -> list[int]:
    """The partitions that are still unread, in the slice's order."""
    found = list(tables.periods(*_narrowed(wanted), length))
    return found[::-1] if wanted.newest_first else found


def _device(site: str, row: Row) -> Device:
    device, observed, set_by_api = row
    known = set_by_api or observed
    return Device(
        site=site,
        device=device,
        type=known.type,
        source="api" if set_by_api else "observed",
        first_seen=known.first_seen,
        updated=known.updated,
        zone=known.zone or "UTC",
        labels=dict(known.labels or {}),
        expected_interval=known.expected_interval,
    )


def _latest(site: str, row: Row) -> list[Entry[Reading]]:
    device, found = row
    bucket = tables.bucket_of(site, device)
    return [
        ((bucket, device, metric), _reading(site, device, metric, value.time, value.n, value))
        for metric, value in sorted(found.items())
    ]


def _reading(site: str, device: str, metric: str, time: int, n: int, value: Any) -> Reading:
    return Reading(
        site=site,
        device=device,
        metric=metric,
        time=time,
        time_source=value.time_source,
        received=value.received,
        origin=Origin(value.origin_topic, value.origin_partition, value.origin_offset, value.origin_index),
        decoder=value.decoder,
        number=value.number,
        integer=value.integer,
        boolean=value.boolean,
        text=value.text,
        unit=value.unit,
        seq=value.seq,
        message_id=value.message_id,
        n=n,
        device_time=value.device_time,
        flags=tuple(value.flags or ()),
    )


def _window(site: str, device: str, metric: str, start: int, width: int, value: Any) -> Window:
    return Window(
        site=site,
        device=device,
        metric=metric,
        start=start,
        width=width,
        count=value.count,
        min=value.min,
        max=value.max,
        mean=value.mean,
        stddev=value.stddev,
        last=value.last,
        last_time=value.last_time,
        revision=value.revision,
        final=bool(value.final),
        unit=value.unit,
    )


def _judged(site: str, row: Row) -> JudgedAnomaly:
    time, identity, metric, n, value, device, said = row
    anomaly = Anomaly(
        id=identity,
        site=site,
        device=device,
        metric=metric,
        time=time,
        n=n,
        value=value.value,
        score=value.score,
        threshold=value.threshold,
        reason=value.reason,
        detector=value.detector,
        detector_version=value.detector_version,
        expected=value.expected,
        unit=value.unit,
    )
    return JudgedAnomaly(anomaly, _feedback(anomaly, said) if said else None)


def _feedback(anomaly: Anomaly, said: Any) -> AnomalyFeedback:
    return AnomalyFeedback(
        id=anomaly.id,
        site=anomaly.site,
        device=anomaly.device,
        metric=anomaly.metric,
        time=anomaly.time,
        n=anomaly.n,
        detector=anomaly.detector,
        verdict=said.verdict,
        given=said.given,
        author=said.author,
        note=said.note,
    )
