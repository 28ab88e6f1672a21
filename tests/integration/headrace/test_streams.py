"""Batches through a real Faust worker and a real Kafka: nothing lost, state right after a kill and a rebalance."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.local.stack import Stack
from headrace.kafka import Consumer, Producer
from headrace.testing import wait_until

WORKER = Path(__file__).with_name("copying_worker.py")
KEYS = 50
pytestmark = pytest.mark.integration


class Copies:
    """What the workers wrote: number → the counts it was given, by the key's own order."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._consumer = Consumer(brokers, f"check-{uuid4()}", [topic])
        self.counts: dict[int, set[int]] = defaultdict(set)

    def take(self) -> int:
        """Reads what is there; returns how many numbers were seen so far."""
        for messages in self._consumer.poll_batch(5_000, 0.1).values():
            for message in messages:
                _, number, count = (message.value() or b"").split(b":")
                self.counts[int(number)].add(int(count))
        return len(self.counts)

    def close(self) -> None:
        self._consumer.close()


class Workers:
    """Worker processes of one group."""

    def __init__(self, brokers: str, source: str, target: str, log: Path) -> None:
        self._arguments = [sys.executable, str(WORKER), brokers, f"group-{uuid4()}", source, target]
        self._log = log
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            worker = subprocess.Popen(self._arguments, stdout=log, stderr=log, env={**os.environ})
        self.running.append(worker)
        return worker

    def end(self, worker: subprocess.Popen[bytes], number: signal.Signals) -> int:
        worker.send_signal(number)
        self.running.remove(worker)
        return worker.wait(30)

    def end_all(self) -> None:
        for worker in list(self.running):
            self.end(worker, signal.SIGKILL)


@pytest.fixture
def topics(stack: Stack) -> tuple[str, str]:
    source, target = f"in-{uuid4()}", f"out-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": stack.brokers})
    for future in admin.create_topics([NewTopic(source, 4, 1), NewTopic(target, 4, 1)]).values():
        future.result()
    return source, target


@pytest.fixture
def workers(stack: Stack, topics: tuple[str, str], tmp_path: Path) -> Iterator[Workers]:
    group = Workers(stack.brokers, *topics, tmp_path / "worker.log")
    yield group
    group.end_all()


@pytest.fixture
def copies(stack: Stack, topics: tuple[str, str]) -> Iterator[Copies]:
    reader = Copies(stack.brokers, topics[1])
    yield reader
    reader.close()


def produce(stack: Stack, topic: str, numbers: range) -> None:
    producer = Producer(stack.brokers, "test")
    for number in numbers:
        key = b"k%d" % (number % KEYS)
        producer.produce(topic, b"%s:%d" % (key, number), key)
    producer.flush(30)


def assert_each_counted_once_in_order(copies: Copies, total: int) -> None:
    """The n-th number of a key must have count n, in every copy of it."""
    for number in range(total):
        assert copies.counts[number] == {number // KEYS + 1}, f"number {number}"


def test_killed_worker_loses_nothing_and_its_successor_has_the_state(
    stack: Stack, topics: tuple[str, str], workers: Workers, copies: Copies
) -> None:
    produce(stack, topics[0], range(10_000))
    first = workers.start()
    wait_until(lambda: copies.take() >= 4_000, "the first copies", 60)
    workers.end(first, signal.SIGKILL)
    produce(stack, topics[0], range(10_000, 15_000))
    workers.start()
    wait_until(lambda: copies.take() >= 15_000, "all copies", 60)
    assert_each_counted_once_in_order(copies, 15_000)


def test_partitions_move_between_workers_without_loss(
    stack: Stack, topics: tuple[str, str], workers: Workers, copies: Copies
) -> None:
    produce(stack, topics[0], range(5_000))
    first = workers.start()
    wait_until(lambda: copies.take() >= 2_000, "the first copies", 60)
    workers.start()
    produce(stack, topics[0], range(5_000, 10_000))
    wait_until(lambda: copies.take() >= 10_000, "copies by both", 60)
    assert workers.end(first, signal.SIGTERM) == 0
    produce(stack, topics[0], range(10_000, 12_000))
    wait_until(lambda: copies.take() >= 12_000, "copies by the second", 60)
    assert_each_counted_once_in_order(copies, 12_000)
