"""Metrics of an engine, read at each scrape from what its tasks count anyway."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.streams.engine import Engine, Partition

PREFIX = "headrace"
_Values = dict[tuple[str, ...], float]


@dataclass
class Lag:
    """Records behind the end, by (topic, partition), as last measured."""

    behind: dict[Partition, int] = field(default_factory=dict)

    def note(self, ends: Mapping[Partition, int], done: Mapping[Partition, int]) -> None:
        """Takes the ends of the assigned partitions and how far each is done."""
        self.behind = {key: max(0, end - done[key]) for key, end in ends.items() if key in done}


class EngineMetrics(Collector):
    """Exports progress, state and lag; labels are of bounded sets: service, topic, partition, stage."""

    def __init__(self, service: str, engine: Engine, lag: Lag, registry: CollectorRegistry) -> None:
        self._service = service
        self._engine = engine
        self._lag = lag
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        progress = self._engine.progress
        inputs: _Values = {(topic,): count for topic, count in list(progress.inputs.items())}
        yield self._total("received_records", "Input records taken, by topic", inputs, "topic")
        yield self._total("batches", "Batches taken", {(): progress.batches})
        outputs: _Values = {(topic,): count for topic, count in list(progress.outputs.items())}
        yield self._total("sent_records", "Records written, by topic", outputs, "topic")
        yield self._total("oversize_outputs", "Outputs too large for Kafka, dead-lettered", {(): progress.oversize})
        yield self._total("checkpoints", "Checkpoints committed", {(): progress.checkpoints})
        yield self._total("checkpoint_seconds", "Seconds from cut to commit", {(): progress.checkpoint_seconds})
        yield self._total("aborted_transactions", "Transactions given up", {(): progress.aborts})
        yield self._total("changelog_cells", "Cells written to changelogs", {(): progress.changelog_cells})
        yield self._total("changelog_bytes", "Bytes of cells written to changelogs", {(): progress.changelog_bytes})
        yield self._total("restored_cells", "Cells read back after a start", {(): progress.restored_cells})
        yield self._total("lost_offsets", "Input deleted before it was processed", {(): progress.lost_offsets})
        keys: _Values = {(stage,): count for stage, count in self._engine.state_keys().items()}
        yield self._gauge("state_keys", "Keys in state, such as devices", keys, "stage")
        lag: _Values = {(topic, str(number)): behind for (topic, number), behind in list(self._lag.behind.items())}
        yield self._gauge("lag_records", "Records behind the end", lag, "topic", "partition")

    def _total(self, name: str, about: str, values: _Values, *labels: str) -> Metric:
        return self._fill(CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)

    def _gauge(self, name: str, about: str, values: _Values, *labels: str) -> Metric:
        return self._fill(GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)

    def _fill(self, family: CounterMetricFamily | GaugeMetricFamily, values: _Values) -> Metric:
        for labels, value in sorted(values.items()):
            family.add_metric([self._service, *labels], value)
        return family
