"""Wires sink_cassandra: the only place that builds its clients."""

import logging
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType

from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.health import HealthServer
from headrace.kafka import Consumer, OnPartitions, Producer
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.sink import Limits, OpenConsumer, Sink, SinkRunner, healthy_turn, is_writing
from headrace.subjects.erased import ErasedSubjects
from sink_cassandra.cassandra_sink import CassandraSink
from sink_cassandra.cassandra_store import CassandraStore
from sink_cassandra.flush_rows import TOPICS
from sink_cassandra.metrics import Flow, SinkCollector, SinkMetrics, StoreCounts
from sink_cassandra.settings import Settings
from sink_cassandra.sources.apart import RunnerApart
from sink_cassandra.sources.names import NOT_OWN, OWN_TOPIC
from sink_cassandra.sources.row_schemas import RowSchemas
from sink_cassandra.sources.source_sink import SourceSink
from sink_cassandra.sources.source_store import SourceStore

log = logging.getLogger(__name__)
NAME = "sink_cassandra"
SESSION_MS = 10_000
"""For so long a killed sink keeps its partitions from the next one; librdkafka's default is 45 s."""
LONGEST_TURN_S = 120.0
READY_WHILE_HELD_S = 10.0
SOURCE_FLUSH_RECORDS = 2_000
"""Most of a flush whose rows are written one by one, so that it takes seconds at worst."""
FIND_TOPICS_MS = 5_000
"""How long the topic of a new source may go unseen; librdkafka's default is five minutes."""
DRAIN_S = 20.0


def run(settings: Settings) -> None:
    """Runs the sink until SIGTERM or SIGINT."""
    configure_logs(NAME, settings.log_level)
    # What the driver logs with a stack at each attempt is here one line when writes stop and one when they go on.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    registry = new_registry()
    runners = build_runners(settings, registry)

    def stop(number: int, frame: FrameType | None) -> None:
        runners.readings.stop()
        runners.sources.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with _health(settings, runners, registry):
        runners.sources.start()
        runners.readings.run()
        if not runners.sources.join(DRAIN_S):
            log.warning("a write of rows of sources did not end; the next process does it again")


@dataclass(frozen=True)
class Runners:
    """What writes the processors' records, and what writes the rows of sources: nothing of one holds the other back."""

    readings: SinkRunner
    sources: RunnerApart


def build_runners(settings: Settings, registry: CollectorRegistry) -> Runners:
    """The runners with their sinks, stores and Kafka clients; nothing is connected yet."""
    counts, source_counts, clock = StoreCounts(), StoreCounts(), SystemClock()
    erased = ErasedSubjects(settings.brokers)
    sink = CassandraSink(CassandraStore(settings, counts), SinkMetrics(registry), erased)
    readings = _runner(settings, sink, "write", settings.flush_records, _consumer_of(settings, settings.group, TOPICS))
    source_sink = SourceSink(SourceStore(settings, source_counts, clock), RowSchemas(settings.brokers))
    most = min(settings.flush_records, SOURCE_FLUSH_RECORDS)
    sources = _runner(settings, source_sink, "write_source", most, _consumer_of_sources(settings))
    registry.register(
        SinkCollector(Flow("readings", readings.progress, counts), Flow("sources", sources.progress, source_counts))
    )
    return Runners(readings, RunnerApart(sources, "sources", clock))


def _runner(settings: Settings, sink: Sink, step: str, most: int, open_consumer: OpenConsumer) -> SinkRunner:
    limits = Limits(records=most, linger=settings.flush_linger_s)
    return SinkRunner(sink, open_consumer, Producer(settings.brokers, NAME), f"{NAME}.{step}", SystemClock(), limits)


def _consumer_of_sources(settings: Settings) -> OpenConsumer:
    not_own = ",".join(f"^{re.escape(topic)}$" for topic in NOT_OWN)
    overrides = {"topic.blacklist": not_own, "topic.metadata.refresh.interval.ms": str(FIND_TOPICS_MS)}
    return _consumer_of(settings, settings.sources_group, [OWN_TOPIC], **overrides)


def _consumer_of(settings: Settings, group: str, topics: Iterable[str], **overrides: str | int) -> OpenConsumer:
    def open_consumer(on_assign: OnPartitions, on_revoke: OnPartitions) -> Consumer:
        wanted = {"session.timeout.ms": SESSION_MS, **overrides}
        return Consumer(settings.brokers, group, list(topics), on_assign, on_revoke, **wanted)

    return open_consumer


def _health(settings: Settings, runners: Runners, registry: CollectorRegistry) -> HealthServer:
    clock = SystemClock()
    progress, sources = runners.readings.progress, runners.sources
    return HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"turn": lambda: healthy_turn(progress, clock, LONGEST_TURN_S)},
        ready={
            "cassandra": lambda: is_writing(progress, clock, READY_WHILE_HELD_S),
            # Not what the process is restarted for, which would cost the readings.
            "sources_turn": lambda: healthy_turn(sources.progress, clock, LONGEST_TURN_S),
            "sources": lambda: sources.problem(READY_WHILE_HELD_S),
        },
    )
