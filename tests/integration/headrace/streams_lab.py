"""Topics, worker processes and a reader of what they wrote, for the tests of the engine on a real Kafka."""

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from headrace.kafka import Producer, client_config, consumer_config
from headrace.testing import wait_until
from tests.integration.headrace.copying_worker import Job, Part

WORKER = Path(__file__).with_name("copying_worker.py")
KEYS = 50
WAIT_S = 90.0


class Outputs:
    """What a reader of committed records sees in a topic of copies."""

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        self._topic = topic
        self._consumer = Consumer(consumer_config(brokers, "checks-are-in-no-group"))
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        self.of_key: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
        self.total = 0

    def read(self) -> int:
        """Takes what is there; returns how many copies were seen so far."""
        for message in self._consumer.consume(10_000, 0.1):
            if message.error() is None:
                _, number, count = (message.value() or b"").split(b":")
                self.of_key[message.key() or b""].append((int(number), int(count)))
                self.total += 1
        return self.total

    def read_to(self, ends: list[int]) -> int:
        """Counts the records before these offsets."""
        total = 0
        for number, end in enumerate(ends):
            at = TopicPartition(self._topic, number, 0)
            self._consumer.assign([at])
            while self._consumer.position([at])[0].offset < end:
                total += sum(message.error() is None for message in self._consumer.consume(10_000, 0.1))
        return total

    def wait_for(self, total: int, what: str = "copies", timeout: float = WAIT_S) -> None:
        """Waits for so many, and then for no more: a record too many shows at once or never."""
        wait_until(lambda: self.read() >= total, f"{total} {what}", timeout)
        assert self.read() == total, f"{self.total} {what} instead of {total}"

    def close(self) -> None:
        self._consumer.close()


class Lab:
    """One group of workers with its topics; a new one for each test."""

    def __init__(self, brokers: str, log: Path, partitions: int = 4) -> None:
        self.brokers = brokers
        self.partitions = partitions
        self.log = log
        self.running: list[subprocess.Popen[bytes]] = []
        self._name = f"lab-{uuid4()}"
        self._admin = AdminClient(client_config(brokers))
        self._readers: list[Outputs] = []

    def topic(self, name: str, **config: str) -> str:
        """Makes a topic of this lab's own; returns its full name."""
        full = f"{self._name}.{name}"
        for future in self._admin.create_topics([NewTopic(full, self.partitions, 1, config=config)]).values():
            future.result()
        return full

    def part(
        self, *inputs: str, output: str, keys: int = 0, folder: str = "", table: str = "", batch_s: float = 0.0
    ) -> Part:
        """A stage with a changelog of its own; where a folder is named its state is there; see `Part`."""
        changelog = self.topic(f"changelog-{uuid4()}", **{"cleanup.policy": "compact"})
        return Part(inputs, output, changelog, keys, folder, table, batch_s)

    def start(self, *parts: Part, **at: Any) -> subprocess.Popen[bytes]:
        """Starts a worker; `at` has `step`, `count` and `signal` of `Job`."""
        job = Job(self.brokers, self._name, parts, **at)
        with self.log.open("ab") as log:
            command = [sys.executable, str(WORKER), msgspec.json.encode(job).decode()]
            worker = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ})
        self.running.append(worker)
        return worker

    def end(self, worker: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit status."""
        worker.send_signal(number)
        return self.ended(worker)

    def ended(self, worker: subprocess.Popen[bytes]) -> int:
        """Waits for the end of a worker and returns its exit status."""
        status = worker.wait(WAIT_S)
        self.running.remove(worker)
        return status

    def send(self, topic: str, numbers: Iterable[int], keys: int = KEYS) -> None:
        """Writes `KEY:NUMBER` under the key, and waits until Kafka has it."""
        producer = Producer(self.brokers, "test")
        for number in numbers:
            key = b"k%d" % (number % keys)
            producer.produce(topic, b"%s:%d" % (key, number), key)
        producer.flush(30)

    def outputs(self, topic: str) -> Outputs:
        reader = Outputs(self.brokers, topic, self.partitions)
        self._readers.append(reader)
        return reader

    def ends(self, topic: str) -> list[int]:
        """The end of each partition."""
        consumer = Consumer(consumer_config(self.brokers, "checks-are-in-no-group"))
        try:
            found = [consumer.get_watermark_offsets(TopicPartition(topic, n), 10) for n in range(self.partitions)]
        finally:
            consumer.close()
        return [high for _, high in found]

    def times(self, topic: str) -> list[int]:
        """When the committed records were written, in milliseconds, from the first on."""
        consumer = Consumer(consumer_config(self.brokers, "checks-are-in-no-group"))
        found: list[int] = []
        try:
            for number, end in enumerate(self.ends(topic)):
                at = TopicPartition(topic, number, 0)
                consumer.assign([at])
                while end and consumer.position([at])[0].offset < end:
                    found += [one.timestamp()[1] for one in consumer.consume(10_000, 0.1) if one.error() is None]
        finally:
            consumer.close()
        return sorted(found)

    def delete_before(self, topic: str, offsets: list[int]) -> None:
        """What retention does, by partition."""
        wanted = [TopicPartition(topic, number, offset) for number, offset in enumerate(offsets)]
        for future in self._admin.delete_records(wanted).values():
            future.result()

    def hurry_log_cleaner(self) -> None:
        """Lets the brokers compact without their usual pause of 15 s."""
        entry = ConfigEntry("log.cleaner.backoff.ms", "200", incremental_operation=AlterConfigOpType.SET)
        brokers = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
        for future in self._admin.incremental_alter_configs([brokers]).values():
            future.result()

    def said(self, text: str) -> list[dict[str, Any]]:
        """The log lines of all workers whose message begins so."""
        lines = self.log.read_text(errors="replace").splitlines()
        records = [json.loads(line[line.index("{") :]) for line in lines if '{"time"' in line]
        return [record for record in records if record["message"].startswith(text)]

    def close(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()
        for reader in self._readers:
            reader.close()


@contextmanager
def lab_on(brokers: str, folder: Path, partitions: int = 4) -> Iterator[Lab]:
    """A lab whose workers are dead afterwards."""
    lab = Lab(brokers, folder / "worker.log", partitions)
    try:
        yield lab
    finally:
        lab.close()


def assert_each_counted_once_in_order(outputs: Outputs, total: int, keys: int = KEYS) -> None:
    """Of numbers below `total`, sent in order, the n-th of a key has count n, and nothing is there twice."""
    expected = {
        b"k%d" % key: [(number, n + 1) for n, number in enumerate(range(key, total, keys))] for key in range(keys)
    }
    assert outputs.of_key == {key: pairs for key, pairs in expected.items() if pairs}


def assert_each_counted_once(outputs: Outputs, total: int) -> None:
    """Every number below `total` is there once, and the counts of a key are 1, 2, 3 as they come."""
    assert sorted(number for pairs in outputs.of_key.values() for number, _ in pairs) == list(range(total))
    for key, pairs in outputs.of_key.items():
        assert [count for _, count in pairs] == list(range(1, len(pairs) + 1)), key
