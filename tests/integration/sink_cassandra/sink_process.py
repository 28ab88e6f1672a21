"""A sink of one test: its own process, consumer group and keyspace, on the session's Kafka and Cassandra."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import RoundRobinPolicy
from cassandra.query import SimpleStatement
from confluent_kafka import Consumer, TopicPartition

from deploy.local.paths import PROJECT
from deploy.local.ports import can_bind
from deploy.local.stack import Stack
from headrace.kafka import Producer
from headrace.records import DeviceRecord, encode, headers_of, record_key
from headrace.testing import wait_until
from headrace.topics import load_topics
from sink_cassandra.flush_rows import TOPICS

_ALL = "SELECT * FROM {keyspace}.{table}"
_FIRST_PORT = 9_300
_TABLES = ("readings", "latest", "windows", "anomalies_by_device", "anomalies_by_hour", "anomalies_by_id", "devices")


@dataclass
class SinkProcess:
    """`name` is the site of the test's records and the consumer group, which begins where the topics end now."""

    stack: Stack
    folder: Path
    keyspace: str
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}")
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = next(port for port in range(_FIRST_PORT, _FIRST_PORT + 300) if can_bind(port))
        self.log = self.folder / f"{self.name}.log"
        self.variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT))),
            "SINK_CASSANDRA_BROKERS": self.stack.brokers,
            "SINK_CASSANDRA_CASSANDRA_PORT": str(self.stack.ports.cassandra),
            "SINK_CASSANDRA_HTTP_PORT": str(self.port),
            "SINK_CASSANDRA_GROUP": self.name,
            "SINK_CASSANDRA_KEYSPACE": self.keyspace,
            "SINK_CASSANDRA_WRITE_TIMEOUT_S": "2",
        }
        self._start = self._ends()

    def migrate(self) -> subprocess.Popen[bytes]:
        return self._spawn("migrate")

    def start(self) -> None:
        self.process = self._spawn()

    def wait_ready(self) -> None:
        wait_until(self.is_ready, f"the sink to be ready; {self.log}", timeout=60)

    def rewind(self) -> None:
        """Sets the group to where the topics ended when this object was made; the sink must not run."""
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": self.name})
        try:
            consumer.commit(
                offsets=[TopicPartition(*partition, offset) for partition, offset in self._start.items()],
                asynchronous=False,
            )
        finally:
            consumer.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends it with SIGTERM and returns its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def is_ready(self) -> bool:
        return self._get("/readyz")[0] == 200

    def is_live(self) -> bool:
        return self._get("/healthz")[0] == 200

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = re.findall(rf"^{name}(?:{{.*}})? ([\d.e+-]+)$", self._get("/metrics")[1], re.MULTILINE)
        return sum(map(float, lines))

    def committed(self) -> int:
        """Next offsets that the group has committed, summed over all partitions."""
        return sum(max(0, found.offset) for found in self._committed())

    def wait_done(self, timeout: float = 60.0) -> None:
        """Waits until everything that is in the topics now is committed."""
        # A broker that has just started leads no partition for a moment.
        ends = wait_until(self._ends, "the ends of the topics", 30)
        wait_until(lambda: self._has_committed(ends), f"the sink to commit all; {self.log}", timeout, 0.2)

    def _has_committed(self, ends: dict[tuple[str, int], int]) -> bool:
        offsets = {(found.topic, found.partition): found.offset for found in self._committed()}
        return all(offsets[partition] >= end for partition, end in ends.items() if end)

    def _ends(self) -> dict[tuple[str, int], int]:
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": self.name})
        try:
            return {(p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=10)[1] for p in _partitions()}
        finally:
            consumer.close()

    def _committed(self) -> list[TopicPartition]:
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": self.name})
        try:
            found: list[TopicPartition] = consumer.committed(_partitions(), timeout=10)
            return found
        finally:
            consumer.close()

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", "sink_cassandra", *arguments)
            return subprocess.Popen(command, env=self.variables, stdout=log, stderr=log)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""


def _partitions() -> list[TopicPartition]:
    topics = load_topics()
    return [TopicPartition(name, number) for name in TOPICS for number in range(topics[name].partitions)]


@contextmanager
def session_of(stack: Stack) -> Iterator[Session]:
    """A session of the driver alone."""
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=30)
    cluster = Cluster(
        [stack.host], port=stack.ports.cassandra, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, compression=False
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def rows_in(session: Session, keyspace: str, table: str, site: str) -> list[Any]:
    """The rows of a site."""
    found = session.execute(SimpleStatement(_ALL.format(keyspace=keyspace, table=table), fetch_size=2_000))
    return [row for row in found if row.site == site]


def readings_in(session: Session, keyspace: str, site: str) -> dict[tuple[str, str, int, int], float]:
    """Every stored reading of a site: (device, metric, time, n) → number."""
    return {
        (row.device, metric, row.time, row.n): reading.number
        for row in rows_in(session, keyspace, "readings", site)
        for metric, reading in row.readings.items()
    }


def digest(session: Session, keyspace: str, site: str) -> dict[str, str]:
    """A hash of what each table holds of a site."""
    found = {}
    for table in _TABLES:
        rows = sorted(map(repr, rows_in(session, keyspace, table, site)))
        found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def produce(stack: Stack, topic: str, records: Sequence[DeviceRecord]) -> None:
    """Writes records to a topic as the processor does, and waits until they are confirmed."""
    writer = Producer(stack.brokers, "test")
    for record in records:
        writer.produce(topic, encode(record), record_key(record.site, record.device), headers_of(record))
    writer.flush(30)
