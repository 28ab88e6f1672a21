"""The sink's metrics. Counters are plain numbers, read when Prometheus asks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.errors import Reason
from headrace.metrics import LATENCY_BUCKETS
from headrace.sink import SinkProgress

SERVICE = "sink_cassandra"
WRITE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass
class StoreCounts:
    """What was sent to Cassandra, by table."""

    rows: dict[str, int] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)

    def sent(self, table: str, rows: int) -> None:
        """Counts a batch."""
        self.rows[table] = self.rows.get(table, 0) + rows
        self.batches[table] = self.batches.get(table, 0) + 1


class SinkMetrics:
    """Histograms, which are observed once a flush."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._write = Histogram(
            "headrace_write_seconds", "One flush to Cassandra", ["service"], buckets=WRITE_BUCKETS, registry=registry
        ).labels(SERVICE)
        self._latency = Histogram(
            "headrace_device_to_store_seconds",
            "From the device's time to the store; a sample of the readings",
            ["service"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        ).labels(SERVICE)

    def observe(self, write: float, latencies: Iterable[float]) -> None:
        """Takes the seconds that a flush took, and those from device time to now of some of its readings."""
        self._write.observe(write)
        for latency in latencies:
            self._latency.observe(latency)


class SinkCollector(Collector):
    """Shows what the runner and the store counted."""

    def __init__(self, progress: SinkProgress, counts: StoreCounts) -> None:
        self._progress = progress
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        progress, counts = self._progress, self._counts
        # From 0 on: of a series that begins above 0, rate() never sees the first step.
        refused = {reason.value: 0 for reason in Reason} | progress.refused
        yield _counters("written_rows", "Rows sent, by table; repeated ones too", "table", counts.rows)
        yield _counters("written_batches", "Batches sent, by table; repeated ones too", "table", counts.batches)
        yield _counters("processed_records", "Records done with, by topic", "topic", progress.records)
        yield _counters("dead_letters", "Records refused, by reason", "reason", refused)
        yield _counter("flushes", "Flushes written", progress.flushes)
        yield _counter("retries", "Writes and connections tried again", progress.retries)
        yield _counter("refused_commits", "Commits refused, whose records come again", progress.commits_refused)
        yield _paused(progress)
        yield _lag(progress)


def _counter(what: str, about: str, value: int) -> Metric:
    family = CounterMetricFamily(f"headrace_{what}", about, labels=["service"])
    family.add_metric([SERVICE], value)
    return family


def _counters(what: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"headrace_{what}", about, labels=["service", label])
    for name, value in dict(values).items():
        family.add_metric([SERVICE, name], value)
    return family


def _paused(progress: SinkProgress) -> Metric:
    family = GaugeMetricFamily("headrace_writes_paused", "1 while writes are held back", labels=["service"])
    family.add_metric([SERVICE], 0 if progress.held_since is None else 1)
    return family


def _lag(progress: SinkProgress) -> Metric:
    labels = ["service", "topic", "partition"]
    family = GaugeMetricFamily("headrace_lag_records", "Records behind the end", labels=labels)
    for (topic, partition), records in progress.lag.items():
        family.add_metric([SERVICE, topic, str(partition)], records)
    return family
