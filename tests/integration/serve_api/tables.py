"""Fills Cassandra's tables as the pipeline does: records through the sink."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from prometheus_client import CollectorRegistry

from headrace.records import (
    Anomaly,
    AnomalyFeedback,
    Device,
    DeviceRecord,
    FeedbackVerdict,
    Origin,
    Reading,
    Window,
    encode,
    headers_of,
    record_key,
)
from headrace.streams.batch import Batch
from headrace.subjects.erased import ErasedSubjects
from headrace.testing import wait_until
from sink_cassandra.cassandra_sink import CassandraSink
from sink_cassandra.cassandra_store import CassandraStore
from sink_cassandra.metrics import SinkMetrics, StoreCounts
from sink_cassandra.settings import Settings

SITE = "default"
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
_PART = 2_000
TOPICS: dict[type[DeviceRecord], str] = {
    Reading: "readings.clean",
    Window: "readings.windows",
    Anomaly: "readings.anomalies",
    AnomalyFeedback: "anomalies.feedback",
    Device: "devices.registry",
}


class Tables:
    """Writes records to the tables and returns when they are there; a slow Cassandra is asked again."""

    def __init__(self, sink: CassandraSink) -> None:
        self._sink = sink

    def write(self, *records: DeviceRecord) -> None:
        for kind, found in itertools.groupby(records, key=type):
            rest = list(found)
            while rest:
                part, rest = rest[:_PART], rest[_PART:]
                batch = _batch(TOPICS[kind], part)
                wait_until(partial(self._is_written, batch), f"{len(batch)} records to be written", timeout=60)

    def _is_written(self, batch: Batch) -> bool:
        refused = self._sink.write([batch])
        assert not refused
        return True


@contextmanager
def connected(brokers: str, cassandra_port: int) -> Iterator[Tables]:
    store = CassandraStore(Settings.load(cassandra_port=cassandra_port), StoreCounts())
    sink = CassandraSink(store, SinkMetrics(CollectorRegistry()), ErasedSubjects(brokers))
    sink.setup()
    try:
        yield Tables(sink)
    finally:
        sink.close()


def _batch(topic: str, records: Sequence[DeviceRecord]) -> Batch:
    return Batch(
        topic=topic,
        partition=0,
        offsets=range(len(records)),
        timestamps=[time.time_ns() // 1_000] * len(records),
        keys=[record_key(record.site, record.device) for record in records],
        values=[encode(record) for record in records],
        headers=[headers_of(record) for record in records],
    )


def reading(
    device: str, at: int, value: float | int | bool | str = 1.5, metric: str = "temperature", n: int = 0
) -> Reading:
    """A reading of the site that the API serves."""
    found = Reading(SITE, device, metric, at, "device", at + 1_000, Origin("readings.raw", 0, 0, 0), "json.1", n=n)
    match value:
        case bool():
            found.boolean = value
        case int():
            found.integer = value
        case float():
            found.number = value
        case str():
            found.text = value
    return found


def window(device: str, start: int, width_s: int = 60, metric: str = "temperature", revision: int = 1) -> Window:
    """A window of the site that the API serves."""
    width = width_s * SECOND_US
    last_time = start + width - 1
    return Window(SITE, device, metric, start, width, 6, 1.0, 3.0, 2.0, 0.5, 2.5, last_time, revision, unit="Cel")


def anomaly(device: str, at: int, identity: str, metric: str = "temperature") -> Anomaly:
    """An anomaly of the site that the API serves."""
    return Anomaly(identity, SITE, device, metric, at, 0, 19.5, 31.2, 6.0, "spike", "robust", "1", expected=4.25)


def feedback(of: Anomaly, verdict: FeedbackVerdict, given: int, note: str | None = None) -> AnomalyFeedback:
    """What an operator says of an anomaly."""
    return AnomalyFeedback(
        of.id, of.site, of.device, of.metric, of.time, of.n, of.detector, verdict, given, "control-room", note
    )
