"""A Faust worker that runs a topology: its agents hand batches to the engine's tasks."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from headrace.clock import SystemClock
from headrace.collector import relax_collector
from headrace.crash import crash
from headrace.streams.changelog import KafkaLogs
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.engine import Engine
from headrace.streams.faust_batches import BatchApp, BatchWorker
from headrace.streams.task import OnStep, no_step
from headrace.streams.topology import Topology
from headrace.streams.transaction import KafkaTransactions
from headrace.streams.turns import Turns

log = logging.getLogger(__name__)


def kafka_engine(
    brokers: str,
    topology: Topology,
    policy: CheckpointPolicy | None = None,
    idle_after_s: float = 5.0,
    on_step: OnStep = no_step,
) -> Engine:
    """An engine on Kafka that ends this process where it can't go on; for the arguments see `Engine`."""
    return Engine(
        topology,
        lambda name: KafkaTransactions(brokers, name),
        KafkaLogs(brokers),
        SystemClock(),
        crash,
        policy,
        idle_after_s,
        on_step=on_step,
    )


def build_worker(
    brokers: str, engine: Engine, on_second: Callable[[BatchApp], None] = lambda app: None, **settings: Any
) -> BatchApp:
    """The Faust app of an engine's topology, whose name is the consumer group; its members share the partitions.

    Args:
        on_second: called every second on the event loop, for gauges.
        settings: Faust's own, in place of those below.
    """
    app = BatchApp(
        engine.topology.name,
        brokers,
        engine.wanted,
        engine.committed,
        engine.reread,
        engine.revoke,
        Turns(lambda topic: engine.topology.stage_of(topic).name),
        **{**_SETTINGS, **settings},
    )
    for topic in engine.topology.inputs():
        _add_agent(app, engine, topic)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]  # Faust does not type it
    async def every_second() -> None:
        try:
            on_second(app)
        except Exception as error:
            crash(error)

    @app.on_partitions_revoked.connect
    async def on_revoked(_: Any, /, *arguments: Any, signal: Any, **__: Any) -> None:
        (revoked,) = arguments
        log.info("partitions revoked", extra={"partitions": sorted(f"{tp.topic}-{tp.partition}" for tp in revoked)})
        await engine.revoke()

    @app.on_partitions_assigned.connect
    async def on_assigned(_: Any, /, *arguments: Any, signal: Any, **__: Any) -> None:
        (assigned,) = arguments
        log.info("partitions assigned", extra={"partitions": sorted(f"{tp.topic}-{tp.partition}" for tp in assigned)})
        await engine.assign([(tp.topic, tp.partition) for tp in assigned], app)

    return app


def run_worker(app: BatchApp) -> int:
    """Runs until SIGTERM or SIGINT, then stops reading, commits what is begun and leaves the group.

    Returns:
        The process's exit status.
    """
    return _run(BatchWorker(app))


def run_worker_until(app: BatchApp, is_over: Callable[[], bool]) -> int | None:
    """The same, but it also ends by itself, after which another app may be run.

    Args:
        is_over: asked every second on the event loop.

    Returns:
        The process's exit status, or None where `is_over` was all that ended it.
    """
    worker = BatchWorker(app)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]  # Faust does not type it
    async def look() -> None:
        if is_over():
            worker.end()

    status = _run(worker)
    return None if status == 0 and worker.is_over_by_itself else status


def _run(worker: BatchWorker) -> int:
    relax_collector()
    for chatty in ("faust", "mode", "aiokafka", "headrace.streams.faust_batches"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        # It is closed, and the next app is to make one of its own.
        asyncio.set_event_loop(None)


def _add_agent(app: BatchApp, engine: Engine, topic: str) -> None:
    @app.agent(app.batch_topic(topic), concurrency=1, name=f"{topic}.batches")
    async def process(deliveries: Any) -> None:
        async for delivery in deliveries:
            try:
                engine.deliver(*delivery)
            except Exception as error:
                # Faust would start the agent again and pass over the batch.
                crash(error)


_SETTINGS: dict[str, Any] = {
    "store": "memory://",
    "web_enabled": False,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    # A record that the brokers deleted unread is an error that a task counts, not a jump that nobody sees.
    "consumer_auto_offset_reset": "none",
    "broker_commit_interval": 1.0,
    "broker_max_poll_records": 2_000,
    "consumer_max_fetch_size": 4 * 1_048_576,
    "stream_buffer_maxsize": 2,
    "stream_wait_empty": False,
    # For so long a killed worker keeps its partitions from the next one.
    "broker_session_timeout": 10.0,
    "broker_rebalance_timeout": 60.0,
}
