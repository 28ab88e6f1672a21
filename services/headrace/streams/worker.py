"""A Faust worker that runs an engine: one agent hands it batches, a timer lets quiet partitions speak."""

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

import faust

from headrace.streams.engine import Engine
from headrace.streams.faust_batches import BatchApp

State = TypeVar("State")

EXIT_CRASHED = 70
log = logging.getLogger(__name__)


def build_worker(
    group: str,
    brokers: str,
    topic: str,
    engine: Engine[State],
    on_second: Callable[[BatchApp], None] = lambda app: None,
    **settings: Any,
) -> BatchApp:
    """The Faust app of one input topic.

    Args:
        group: consumer group; its members share the partitions.
        on_second: called every second on the event loop, for gauges.
        settings: Faust's own, in place of those below.
    """
    app = BatchApp(group, brokers, engine.committable_offset, **{**_SETTINGS, **settings})

    @app.agent(app.batch_topic(topic), concurrency=1)
    async def process(batches: Any) -> None:
        async for batch in batches:
            try:
                await engine.process(batch)
            except Exception as error:
                # Faust would acknowledge the batch and go on; nothing was committed, so a new process does it again.
                crash(error)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]  # Faust does not type it
    async def every_second() -> None:
        try:
            on_second(app)
            await engine.idle()
        except Exception as error:
            crash(error)

    @app.on_partitions_revoked.connect
    async def on_revoked(_: Any, /, *arguments: Any, signal: Any, **__: Any) -> None:
        (revoked,) = arguments
        log.info("partitions revoked", extra={"partitions": sorted(partition.partition for partition in revoked)})
        await engine.forget((partition.topic, partition.partition) for partition in revoked)

    @app.on_partitions_assigned.connect
    async def on_assigned(_: Any, /, *arguments: Any, signal: Any, **__: Any) -> None:
        (assigned,) = arguments
        log.info("partitions assigned", extra={"partitions": sorted(partition.partition for partition in assigned)})

    return app


def run_worker(app: BatchApp) -> int:
    """Runs until SIGTERM or SIGINT, then stops reading, finishes what is begun, commits and leaves the group.

    Returns:
        The process's exit status.
    """
    for chatty in ("faust", "mode", "aiokafka", "headrace.streams.faust_batches"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def crash(error: BaseException) -> None:
    """Ends the process at once, without a commit: the next one starts from what was confirmed."""
    log.critical("the process ends without a commit", exc_info=error)
    logging.shutdown()
    os._exit(EXIT_CRASHED)


_SETTINGS: dict[str, Any] = {
    "store": "memory://",
    "web_enabled": False,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    "consumer_auto_offset_reset": "earliest",
    "broker_commit_interval": 1.0,
    "broker_max_poll_records": 1_000,
    "consumer_max_fetch_size": 4 * 1_048_576,
    "stream_buffer_maxsize": 8,
    # For so long a killed worker keeps its partitions from the next one.
    "broker_session_timeout": 10.0,
    "broker_rebalance_timeout": 60.0,
}
