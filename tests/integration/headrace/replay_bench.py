"""What the tests of `headrace replay` work with: a service of their own, installed beside Headrace, and its topics."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner, Result

from deploy.local.paths import PROJECT
from headrace.cli import build_cli
from headrace.errors import HeadraceError
from headrace.kafka import Producer, headers_of_message
from headrace.range_reader import RangeReader, to_batch
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import GROUP
from headrace.streams.changelog import KafkaLogs
from headrace.streams.task import Progress, Task
from headrace.streams.topology import Topology
from headrace.streams.transaction import KafkaTransactions
from headrace.streams.versions import with_version
from headrace.testing import wait_until
from tests.integration.headrace import replayable_service as service

KEYS = 40
PARTITIONS = 4
SCRIPT = Path(service.__file__)
Output = tuple[bytes | None, bytes | None, str]
"""Key, value, and the name of the replay that a copy is of."""


class Bench:
    """Topics, workers and commands of one test."""

    def __init__(self, brokers: str, folder: Path) -> None:
        self.brokers = brokers
        one = uuid4().hex[:8]
        self.source, self.target, self.changelog = f"in-{one}", f"out-{one}", f"changes-{one}"
        self.name = f"r{one}"
        self.group = f"group-{one}"
        self.worker: subprocess.Popen[bytes] | None = None
        self._log = folder / "worker.log"
        self._install(folder)
        names = (self.source, self.target, self.changelog)
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT / "services"), str(PROJECT)]),
            "COLUMNS": "200",
            **dict(zip((service.SOURCE, service.TARGET, service.CHANGELOG), names, strict=True)),
            service.BROKERS: brokers,
            service.GROUP: self.group,
        }
        new = [
            NewTopic(self.source, PARTITIONS, 1),
            NewTopic(self.target, PARTITIONS, 1, config={"retention.ms": "86400000"}),
            NewTopic(self.changelog, PARTITIONS, 1, config={"cleanup.policy": "compact"}),
        ]
        self._admin = AdminClient({"bootstrap.servers": brokers})
        for future in self._admin.create_topics(new).values():
            future.result()

    def _install(self, folder: Path) -> None:
        """Makes the service known as pip would, to the processes that have the folder on their path."""
        info = folder / "copying_service-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: copying-service\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\ncopying = {service.__name__}:replayable\n")

    def produce(self, numbers: range) -> None:
        producer = Producer(self.brokers, "test")
        for number in numbers:
            key = b"k%d" % (number % KEYS)
            producer.produce(self.source, b"%s:%d" % (key, number), key)
        producer.flush(30)

    def start_worker(self, version: str = "") -> None:
        with self._log.open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, str(SCRIPT), "work"],
                stdout=log,
                stderr=log,
                env={**self.environment, service.VERSION: version},
            )

    def stop_worker(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.worker is not None:
            self.worker.send_signal(number)
            self.worker.wait(30)
            self.worker = None

    def work_through(self, version: str = "") -> None:
        """Does what a worker would with all that there is, task by task and without its group."""
        (stage,) = with_version(self._topology(), version).stages
        for number in range(PARTITIONS):
            name = with_version(self._topology(), version).transactional_id(stage, number)
            task = Task(stage, number, KafkaTransactions(self.brokers, name), KafkaLogs(self.brokers), Progress())
            task.take_over()
            task.restore()
            reader = RangeReader(self.brokers, self.source, number)
            reader.start(task.positions[self.source], reader.bounds()[1])
            while not reader.is_done:
                if messages := reader.read():
                    task.process(to_batch(self.source, number, messages))
            task.prepare()
            task.commit()
            task.close()
            reader.close()

    def _topology(self) -> Topology:
        return service.topology(self.group, self.source, self.target, self.changelog)

    def wait_for_outputs(self, total: int) -> None:
        wait_until(lambda: len(self.outputs(self.target)) >= total, f"{total} outputs", 60, every=0.3)

    def command(self, *arguments: str) -> Result:
        """Runs `headrace replay ARGUMENTS`."""
        return CliRunner(env=self.environment).invoke(
            build_cli(), ["replay", *arguments, "--brokers", self.brokers], catch_exceptions=True
        )

    def ok(self, *arguments: str) -> str:
        """Runs a command that must do well; returns what it says."""
        done = self.command(*arguments)
        if done.exception is not None:
            raise done.exception
        return done.output

    def refused(self, *arguments: str) -> str:
        """Runs a command that must be refused; returns why."""
        done = self.command(*arguments)
        assert isinstance(done.exception, HeadraceError), done.output
        return str(done.exception)

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts `headrace replay ARGUMENTS` as a process of its own."""
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from headrace.cli import main; main()",
                "replay",
                *arguments,
                "--brokers",
                self.brokers,
            ],
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_arguments(self, since: str = "start", until: str = "now") -> list[str]:
        return [self.source, "--from", since, "--to", until, "--into", self.name]

    def kill_at(self, command: str, step: str, count: int) -> None:
        """Runs a replay or switch in a process that dies at a step."""
        arguments = [sys.executable, str(SCRIPT), command, self.name, step, str(count)]
        died = subprocess.run(arguments, env=self.environment, capture_output=True, timeout=60, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()

    def versioned(self, topic: str) -> str:
        return f"{topic}.{self.name}"

    def topics(self) -> set[str]:
        """All topics of this test."""
        known = self._admin.list_topics(timeout=10).topics
        return {name for name in known if name.startswith((self.source, self.target, self.changelog))}

    def setting(self, topic: str, name: str) -> str:
        """A setting of a topic, as the brokers have it."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        found = self._admin.describe_configs([resource])[resource].result(10)
        return str(found[name].value)

    def partitions(self, topic: str) -> int:
        return len(self._admin.list_topics(topic, timeout=10).topics[topic].partitions)

    def outputs(self, topic: str) -> list[Output]:
        """The committed records of a topic, partition by partition."""
        return [output for _, output in self.records(topic)]

    def records(self, topic: str) -> list[tuple[TopicPartition, Output]]:
        found = []
        for number, (start, end) in enumerate(find_ranges(self.brokers, [topic], 0, None)[topic]):
            reader = RangeReader(self.brokers, topic, number)
            reader.start(start, end)
            while not reader.is_done:
                for message in reader.read():
                    copied = dict(headers_of_message(message)).get("replay", b"").decode()
                    at = TopicPartition(topic, number, message.offset() or 0)
                    found.append((at, (message.key(), message.value(), copied)))
            reader.close()
        return found


def expected(numbers: range) -> set[bytes]:
    """What the rules make of the numbers from `numbers.start` on, counted from there."""
    counts: dict[bytes, int] = defaultdict(int)
    values = set()
    for number in numbers:
        key = b"k%d" % (number % KEYS)
        counts[key] += 1
        values.add(b"%s:%d:%d" % (key, number, counts[key]))
    return values
