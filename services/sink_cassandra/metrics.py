"""The sink's metrics. Counters are plain numbers, read when Prometheus asks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as PrometheusCounter
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
    """What is observed once a flush."""

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

        self._skipped = PrometheusCounter(
            "headrace_erased_records",
            "Records of erased subjects, which are not stored",
            ["service"],
            registry=registry,
        ).labels(SERVICE)

    def skip(self, records: int) -> None:
        """Counts records of erased subjects."""
        self._skipped.inc(records)

    def observe(self, write: float, latencies: Iterable[float]) -> None:
        """Takes the seconds that a flush took, and those from device time to now of some of its readings."""
        self._write.observe(write)
        for latency in latencies:
            self._latency.observe(latency)


@dataclass(frozen=True)
class Flow:
    """One runner and its store.

    Attributes:
        name: `readings` or `sources`.
    """

    name: str
    progress: SinkProgress
    counts: StoreCounts = field(default_factory=StoreCounts)


class SinkCollector(Collector):
    """Shows what the runners and their stores counted, as sums where topic or table don't tell them apart."""

    def __init__(self, *flows: Flow) -> None:
        self._flows = flows

    def collect(self) -> Iterator[Metric]:
        counts = [flow.counts for flow in self._flows]
        done = [flow.progress for flow in self._flows]
        # From 0 on: of a series that begins above 0, rate() never sees the first step.
        refused = {reason.value: 0 for reason in Reason} | _sum(progress.refused for progress in done)
        rows, batches = _sum(one.rows for one in counts), _sum(one.batches for one in counts)
        records = _sum(progress.records for progress in done)
        commits = sum(progress.commits_refused for progress in done)
        yield _counters("written_rows", "Rows sent, by table; repeated ones too", "table", rows)
        yield _counters("written_batches", "Batches sent, by table; repeated ones too", "table", batches)
        yield _counters("processed_records", "Records done with, by topic", "topic", records)
        yield _counters("dead_letters", "Records refused, by reason", "reason", refused)
        yield _counter("flushes", "Flushes written", sum(progress.flushes for progress in done))
        yield _counter("retries", "Writes and connections tried again", sum(progress.retries for progress in done))
        yield _counter("refused_commits", "Commits refused, whose records come again", commits)
        yield _paused(self._flows)
        yield _lag(done)


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        # A copy: another thread counts meanwhile.
        total.update(dict(one))
    return dict(total)


def _counter(what: str, about: str, value: int) -> Metric:
    family = CounterMetricFamily(f"headrace_{what}", about, labels=["service"])
    family.add_metric([SERVICE], value)
    return family


def _counters(what: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"headrace_{what}", about, labels=["service", label])
    for name, value in values.items():
        family.add_metric([SERVICE, name], value)
    return family


def _paused(flows: Iterable[Flow]) -> Metric:
    family = GaugeMetricFamily("headrace_writes_paused", "1 while writes are held back", labels=["service", "flow"])
    for flow in flows:
        family.add_metric([SERVICE, flow.name], 0 if flow.progress.held_since is None else 1)
    return family


def _lag(done: Iterable[SinkProgress]) -> Metric:
    labels = ["service", "topic", "partition"]
    family = GaugeMetricFamily("headrace_lag_records", "Records behind the end", labels=labels)
    for progress in done:
        for (topic, partition), records in progress.lag.items():
            family.add_metric([SERVICE, topic, str(partition)], records)
    return family
