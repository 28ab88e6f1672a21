"""Metrics of process_readings, read at each scrape from what the engine and the rules count anyway."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.errors import Reason
from headrace.streams.engine import Progress
from process_readings.counts import Counts

PREFIX = "headrace"
SERVICE = "process_readings"


@dataclass
class Lag:
    """Records behind the end, by (topic, partition), as last measured."""

    behind: dict[tuple[str, int], int] = field(default_factory=dict)

    def note(self, ends: Mapping[tuple[str, int], int], done: Mapping[tuple[str, int], int]) -> None:
        """Takes the ends of the assigned partitions and how far each is done."""
        self.behind = {key: max(0, end - done[key]) for key, end in ends.items() if key in done}


class ProcessMetrics(Collector):
    """Exports progress, counts and lag; labels are from bounded sets, never a device."""

    def __init__(self, progress: Progress, counts: Counts, lag: Lag, registry: CollectorRegistry) -> None:
        self._progress = progress
        self._counts = counts
        self._lag = lag
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        progress, counts = self._progress, self._counts
        yield _total("received_records", "Raw records taken", {("readings.raw",): progress.records}, "topic")
        yield _total("batches", "Batches taken", {(): progress.batches})
        yield _total("rebuilt_records", "Records read again to rebuild state", {(): progress.rebuilt})
        yield _total("sent_records", "Records written, by topic", _keyed(progress.outputs), "topic")
        yield _total("readings", "Decoded readings, by what became of them", _keyed(_fates(counts)), "fate")
        yield _total("windows", "Windows emitted", _keyed(_windows(counts)), "emission")
        yield _total("anomalies", "Anomalies found, by detector", _keyed(counts.anomalies), "detector")
        yield _total("dead_letters", "Records sent to the dead letters", _keyed(_reasons(counts)), "reason")
        yield _total("flags", "Flags set on readings", _keyed(counts.flags), "flag")
        yield self._lag_gauge()

    def _lag_gauge(self) -> Metric:
        gauge = GaugeMetricFamily(
            f"{PREFIX}_lag_records", "Records behind the end", labels=["service", "topic", "partition"]
        )
        for (topic, partition), behind in sorted(self._lag.behind.items()):
            gauge.add_metric([SERVICE, topic, str(partition)], behind)
        return gauge


def _fates(counts: Counts) -> dict[str, int]:
    return {
        "clean": counts.clean,
        "late": counts.late,
        "repeat": counts.repeats,
        "retained": counts.retained,
        "untracked": counts.untracked,
    }


def _reasons(counts: Counts) -> dict[str, int]:
    # From 0 on: of a series that begins above 0, rate() never sees the first step.
    return {**dict.fromkeys(Reason, 0), **dict(list(counts.dead_letters.items()))}


def _windows(counts: Counts) -> dict[str, int]:
    return {"first": counts.windows, "revision": counts.revisions, "final": counts.finals}


def _keyed(values: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    # A copy in one step: the rules may add a key while a scrape is under way.
    return {(key,): value for key, value in list(values.items())}


def _total(name: str, about: str, values: Mapping[tuple[str, ...], int], *labels: str) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels])
    for key, value in sorted(values.items()):
        family.add_metric([SERVICE, *key], value)
    return family
