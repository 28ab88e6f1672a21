"""Wires sink_cassandra: the only place that builds its clients."""

import logging
import signal
from types import FrameType

from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.health import HealthServer
from headrace.kafka import Consumer, OnPartitions, Producer
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.sink import Limits, OpenConsumer, SinkRunner, healthy_turn, is_writing
from sink_cassandra.cassandra_sink import CassandraSink
from sink_cassandra.cassandra_store import CassandraStore
from sink_cassandra.flush_rows import TOPICS
from sink_cassandra.metrics import SinkCollector, SinkMetrics, StoreCounts
from sink_cassandra.settings import Settings

NAME = "sink_cassandra"
SESSION_MS = 10_000
"""For so long a killed sink keeps its partitions from the next one; librdkafka's default is 45 s."""
LONGEST_TURN_S = 120.0
READY_WHILE_HELD_S = 10.0


def run(settings: Settings) -> None:
    """Runs the sink until SIGTERM or SIGINT."""
    configure_logs(NAME, settings.log_level)
    # What the driver logs with a stack at each attempt is here one line when writes stop and one when they go on.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    registry = new_registry()
    runner = build_runner(settings, registry)

    def stop(number: int, frame: FrameType | None) -> None:
        runner.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with _health(settings, runner, registry):
        runner.run()


def build_runner(settings: Settings, registry: CollectorRegistry) -> SinkRunner:
    """The runner with its sink, store and Kafka clients; nothing is connected yet."""
    counts = StoreCounts()
    sink = CassandraSink(CassandraStore(settings, counts), SinkMetrics(registry))
    limits = Limits(records=settings.flush_records, linger=settings.flush_linger_s)
    writer = Producer(settings.brokers, NAME)
    runner = SinkRunner(sink, _consumer_of(settings), writer, f"{NAME}.write", SystemClock(), limits)
    registry.register(SinkCollector(runner.progress, counts))
    return runner


def _consumer_of(settings: Settings) -> OpenConsumer:
    def open_consumer(on_assign: OnPartitions, on_revoke: OnPartitions) -> Consumer:
        overrides = {"session.timeout.ms": SESSION_MS}
        return Consumer(settings.brokers, settings.group, list(TOPICS), on_assign, on_revoke, **overrides)

    return open_consumer


def _health(settings: Settings, runner: SinkRunner, registry: CollectorRegistry) -> HealthServer:
    clock = SystemClock()
    return HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"turn": lambda: healthy_turn(runner.progress, clock, LONGEST_TURN_S)},
        ready={"cassandra": lambda: is_writing(runner.progress, clock, READY_WHILE_HELD_S)},
    )
