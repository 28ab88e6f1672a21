"""The sink, Cassandra and Kafka stopped and killed while readings flow: all of them are stored, each once."""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from headrace.records import Reading
from headrace.testing import wait_until
from tests.integration.sink_cassandra.sink_process import SinkProcess, produce, readings_in, session_of
from tests.unit.sink_cassandra.records import NOW, reading

pytestmark = [pytest.mark.integration, pytest.mark.faults]

COUNT = 30_000


def flow(site: str, count: int = COUNT, start: int = 0) -> list[Reading]:
    return [
        reading(site=site, device=f"m{step % 50}", time=NOW + step * 1_000, number=float(step))
        for step in range(start, start + count)
    ]


def stored(stack: Stack, sink: SinkProcess, site: str) -> dict[tuple[str, str, int, int], float]:
    # A new session each time: the one from before may hold connections to a process that is gone.
    with session_of(stack) as session:
        return readings_in(session, sink.keyspace, site)


def expected(readings: list[Reading]) -> dict[tuple[str, str, int, int], float | None]:
    return {(r.device, r.metric, r.time, r.n): r.number for r in readings}


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(name, signal.SIGCONT)


def test_a_frozen_cassandra_commits_nothing_and_the_sink_goes_on_after_it(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    site = sink.name
    sink.start()
    sink.wait_ready()
    produce(stack, "readings.clean", flow(site, 10))
    sink.wait_done()
    before = sink.committed()
    with frozen(stack, "cassandra"):
        produce(stack, "readings.clean", flow(site, start=10))
        wait_until(lambda: sink.metric("headrace_writes_paused") == 1, "the sink to pause")
        retries = sink.metric("headrace_retries_total")
        assert sink.process is not None
        memory = psutil.Process(sink.process.pid).memory_info().rss
        wait_until(lambda: sink.metric("headrace_retries_total") >= retries + 2, "two more tries", 60)
        assert sink.committed() == before
        assert psutil.Process(sink.process.pid).memory_info().rss < memory + 50_000_000
        assert sink.is_live()
        wait_until(lambda: not sink.is_ready(), "the sink to say that it is not ready")
    sink.wait_done(90)
    assert stored(stack, sink, site) == expected(flow(site, COUNT + 10))
    wait_until(sink.is_ready, "the sink to be ready again")


def test_a_killed_cassandra_loses_nothing(stack: Stack, sink: SinkProcess) -> None:
    site, seed = sink.name, random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    sink.start()
    sink.wait_ready()
    feeder = threading.Thread(target=produce, args=(stack, "readings.clean", flow(site)))
    feeder.start()
    target = random.Random(seed).randrange(1, COUNT // 2)
    wait_until(lambda: sink.metric("headrace_processed_records_total") >= target, f"{target} records", 60, 0.01)
    stack.kill("cassandra")
    feeder.join()
    stack.up("cassandra")
    sink.wait_done(120)
    assert stored(stack, sink, site) == expected(flow(site))


def test_a_sink_killed_amid_a_flush_loses_nothing(stack: Stack, sink: SinkProcess) -> None:
    site, seed = sink.name, random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    rng = random.Random(seed)
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "500"
    produce(stack, "readings.clean", flow(site))
    for _ in range(2):
        sink.start()
        target = rng.randrange(1, COUNT // 4)
        wait_until(lambda: sink.metric("headrace_processed_records_total") >= target, f"{target} records", 60, 0.01)  # noqa: B023 - called within the turn
        sink.kill()
    sink.start()
    sink.wait_done()
    assert stored(stack, sink, site) == expected(flow(site))


def test_a_killed_kafka_loses_nothing(stack: Stack, sink: SinkProcess) -> None:
    site = sink.name
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "500"
    produce(stack, "readings.clean", flow(site))
    sink.start()
    wait_until(lambda: sink.metric("headrace_processed_records_total") >= 1_000, "1,000 records", 60, 0.01)
    stack.kill("kafka")
    stack.up("kafka")
    sink.wait_done(120)
    assert stored(stack, sink, site) == expected(flow(site))


def test_partitions_move_between_two_sinks_and_nothing_is_lost(
    stack: Stack, sink: SinkProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = sink.name
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "500"
    produce(stack, "readings.clean", flow(site))
    sink.start()
    wait_until(lambda: sink.metric("headrace_processed_records_total") >= 1_000, "1,000 records", 60, 0.01)
    other = SinkProcess(stack, tmp_path_factory.mktemp("other"), sink.keyspace, name=site)
    other.start()
    try:
        sent = COUNT

        def other_takes_part() -> bool:
            # More each time: the first sink may have taken all that was there before the other holds a partition.
            nonlocal sent
            produce(stack, "readings.clean", flow(site, 2_000, start=sent))
            sent += 2_000
            return other.metric("headrace_processed_records_total") > 0

        wait_until(other_takes_part, "the other sink to take part", 60, 0.5)
        assert sink.stop() == 0
        other.wait_done()
    finally:
        other.kill()
    assert stored(stack, sink, site) == expected(flow(site, sent))
