"""What a reading costs in the sink and in Cassandra.

`python -m loadtest.sink` compares ways to lay readings out, then runs the sink over a full topic.
"""

from __future__ import annotations

import functools
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil
from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType
from rich.console import Console
from rich.table import Table

from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.kafka import Producer
from headrace.records import encode, headers_of, record_key
from headrace.testing import wait_until
from loadtest import cpu, results
from loadtest.scan_cassandra import cassandra_session
from loadtest.sink_shapes import BOUND, SHAPES, UDT, Grouped, Message, Shape, columns_of, messages
from sink_cassandra.packed_batch import send
from sink_cassandra.packing import routing_key

DEVICES = 2_000
FLUSH_MESSAGES = 2_500
FLUSHES = 12
WARM_UP_FLUSHES = 20
ROUNDS = 3
BATCH_ROWS = 400
IN_FLIGHT = 32
SINK_READINGS = 450_000
SINK_WARM_UP = 300_000
_READINGS_A_MESSAGE = 3
_TIMEOUT_S = 30.0
_KEYSPACE = "shapes"

Figures = dict[str, float]
Write = Callable[[list[Message]], None]


def main() -> None:
    """Runs both parts and writes results/sink.json."""
    console = Console()
    with temporary_stack() as stack:
        stack.up("kafka", "cassandra")
        shapes = compare_shapes(stack)
        console.print(_table("Row shapes, readings table alone (µs of CPU a reading)", shapes))
        sink = {"sink_cassandra": drain(stack)}
        console.print(_table("The sink over a full topic, all its tables (µs of CPU a reading)", sink))
    print(results.write("sink", "python -m loadtest.sink", {"shapes": shapes, "sink": sink}))


def compare_shapes(stack: Stack) -> dict[str, dict[str, dict[str, float]]]:
    """Each way in turn, several rounds in one run, on one Cassandra whose code is warm."""
    with cassandra_session(stack.host, stack.ports.cassandra, "system") as session:
        session.execute(
            f"CREATE KEYSPACE {_KEYSPACE} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        )
        session.execute(UDT.format(keyspace=_KEYSPACE))
        session.set_keyspace(_KEYSPACE)
        writers = {name: _writer(session, number, shape) for number, (name, shape) in enumerate(SHAPES.items())}
        source = messages(DEVICES, random.Random(1))
        measured: dict[str, list[Figures]] = {name: [] for name in writers}
        for write in writers.values():
            _write_flushes(write, source, WARM_UP_FLUSHES)
        for _, (name, write) in itertools.product(range(ROUNDS), writers.items()):
            work = functools.partial(_write_flushes, write, source, FLUSHES)
            measured[name].append(_measure(stack, work))
    return {name: _spread(rounds) for name, rounds in measured.items()}


def _writer(session: Session, number: int, shape: Shape) -> Write:
    table = f"{_KEYSPACE}.shape_{number}"
    session.execute(shape.create.format(table=table))
    statement = session.prepare(shape.statement.format(table=table))
    if shape.name == BOUND:
        return lambda found: _write_bound(session, statement, found)
    return lambda found: _write_packed(session, statement, shape.rows(found))


def _write_packed(session: Session, statement: Any, grouped: Grouped) -> None:
    waiting: deque[Any] = deque()
    for partition, rows in grouped.items():
        for start in range(0, len(rows), BATCH_ROWS):
            if len(waiting) >= IN_FLIGHT:
                waiting.popleft().result()
            part = rows[start : start + BATCH_ROWS]
            waiting.append(send(session, statement, routing_key(partition), part, _TIMEOUT_S))
    for future in waiting:
        future.result()


def _write_bound(session: Session, statement: Any, found: list[Message]) -> None:
    by_partition: dict[tuple[object, object], list[tuple[object, ...]]] = {}
    for message in found:
        for reading in message.readings:
            columns = columns_of(reading)
            by_partition.setdefault((columns[1], columns[2]), []).append(columns)
    futures = []
    for rows in by_partition.values():
        for start in range(0, len(rows), BATCH_ROWS):
            batch = BatchStatement(BatchType.UNLOGGED)
            for row in rows[start : start + BATCH_ROWS]:
                batch.add(statement.bind(row))
            futures.append(session.execute_async(batch))
    for future in futures:
        future.result()


def _write_flushes(write: Write, source: Any, flushes: int) -> int:
    for _ in range(flushes):
        write(list(itertools.islice(source, FLUSH_MESSAGES)))
    return flushes * FLUSH_MESSAGES * _READINGS_A_MESSAGE


def _measure(stack: Stack, work: Callable[[], int]) -> Figures:
    """Runs work that returns how many readings it wrote."""
    me = psutil.Process()
    before, mine, begin = cpu.cpu_seconds(stack, ["cassandra"]), me.cpu_times(), time.perf_counter()
    readings = work()
    took, after, now = time.perf_counter() - begin, cpu.cpu_seconds(stack, ["cassandra"]), me.cpu_times()
    client = now.user + now.system - mine.user - mine.system
    return {
        "readings_per_s": readings / took,
        "client_us": client / readings * 1e6,
        "cassandra_us": cpu.used(before, after)["cassandra"] / readings * 1e6,
    }


def drain(stack: Stack) -> dict[str, dict[str, float]]:
    """The real sink over topics that are full already: a warm-up, then what is measured."""
    stack.create_topics()
    stack.create_tables()
    source = messages(DEVICES, random.Random(2))
    fill(stack, source, SINK_WARM_UP)
    stack.up("sink_cassandra")
    _wait_for(stack, SINK_WARM_UP)
    rounds = []
    for _ in range(ROUNDS):
        stack.stop("sink_cassandra")
        fill(stack, source, SINK_READINGS // ROUNDS)
        rounds.append(_drain_once(stack, SINK_READINGS // ROUNDS))
    return _spread(rounds)


def _drain_once(stack: Stack, readings: int) -> Figures:
    stack.up("sink_cassandra")
    first = wait_until(lambda: _done(stack), "the first flush", 60, 0.01)
    names = ["sink_cassandra", "cassandra", "kafka"]
    before, begin = cpu.cpu_seconds(stack, names), time.perf_counter()
    _wait_for(stack, readings)
    took, used = time.perf_counter() - begin, cpu.used(before, cpu.cpu_seconds(stack, names))
    count = readings - first
    return {
        "readings_per_s": count / took,
        "client_us": used["sink_cassandra"] / count * 1e6,
        "cassandra_us": used["cassandra"] / count * 1e6,
        "kafka_us": used["kafka"] / count * 1e6,
    }


def fill(stack: Stack, source: Any, readings: int) -> None:
    """Writes readings to readings.clean as the processor does: the readings of a message one after the other."""
    writer = Producer(stack.brokers, "loadtest")
    for message in itertools.islice(source, readings // _READINGS_A_MESSAGE):
        for reading in message.readings:
            writer.produce(
                "readings.clean", encode(reading), record_key(reading.site, reading.device), headers_of(reading)
            )
        writer.poll(0)
    writer.flush(60)


def _wait_for(stack: Stack, readings: int) -> None:
    wait_until(lambda: _done(stack) >= readings, f"{readings} readings", 300, 0.02)


def _done(stack: Stack) -> float:
    found = scrape(stack.url("sink_cassandra"))
    return found.total("headrace_processed_records_total", topic="readings.clean") if found else 0.0


def _spread(rounds: Sequence[Figures]) -> dict[str, dict[str, float]]:
    return {name: results.spread([found[name] for found in rounds]) for name in rounds[0]}


def _table(title: str, measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    table = Table(title=title)
    names = list(next(iter(measured.values())))
    for heading in ("", *names):
        table.add_column(heading.replace("_", " "), justify="left" if not heading else "right")
    for name, figures in measured.items():
        table.add_row(name, *(f"{figures[each]['median']:,.1f}" for each in names))
    return table


if __name__ == "__main__":
    main()
