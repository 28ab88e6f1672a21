"""A bridge of one test: its own process, session, routes and site, on the session's broker and Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.paths import PROJECT
from deploy.local.ports import can_bind
from deploy.local.stack import Stack
from headrace.testing import wait_until

_ROUTES = """
site: {name}
subscribe: ["{name}/devices/#"]
ignore: [{{name: noise, pattern: "{name}/devices/noise/#"}}]
routes:
  - {{name: telemetry, pattern: "{name}/devices/{{device}}/telemetry", format: json}}
"""
_FIRST_PORT = 9_700


@dataclass(frozen=True)
class Record:
    """A record of Kafka that belongs to one test."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


@dataclass
class Bridge:
    """`name` is the site, the root of the MQTT topics, and the client id."""

    stack: Stack
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    name: str = "t0"
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = next(port for port in range(_FIRST_PORT, _FIRST_PORT + 500) if can_bind(port))
        self.log = self.folder / f"{self.name}.log"
        routes = self.folder / f"{self.name}.yaml"
        routes.write_text(_ROUTES.format(name=self.name))
        self._variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT))),
            "INGEST_MQTT_BROKERS": self.stack.brokers,
            "INGEST_MQTT_MQTT_PORT": str(self.stack.ports.mqtt),
            "INGEST_MQTT_HTTP_PORT": str(self.port),
            "INGEST_MQTT_CLIENT_ID": self.name,
            "INGEST_MQTT_ROUTES": str(routes),
            **self.environment,
        }

    def topic(self, device: str = "m1", rest: str = "telemetry") -> str:
        return f"{self.name}/devices/{device}/{rest}"

    def start(self, ready: bool = True) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "ingest_mqtt"), env=self._variables, stderr=log, stdout=log
            )
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(self.is_ready, f"the bridge to be ready; {self.log}", timeout=20)

    def is_ready(self) -> bool:
        return not self.problems()

    def problems(self) -> str:
        """What /readyz complains of, or an empty text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError as error:
            return str(error)

    def metric(self, name: str, **labels: str) -> float:
        """The value of `headrace_<name>`, 0 where there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [sample for family in families for sample in family.samples]
        wanted = {"service": "ingest_mqtt", **labels}
        values = [s.value for s in samples if s.name == f"headrace_{name}" and s.labels.items() >= wanted.items()]
        return sum(values)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait_end(self, timeout: float = 20) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def records(self, topic: str = "readings.raw") -> list[Record]:
        """What is in a topic of this test, by partition and offset."""
        return [record for record in read_all(self.stack.brokers, topic) if self._is_own(record)]

    def values(self) -> list[bytes]:
        return [record.value for record in self.records()]

    def _is_own(self, record: Record) -> bool:
        return record.headers.get("mqtt.topic", b"").startswith(f"{self.name}/".encode())


@contextmanager
def running(bridge: Bridge, ready: bool) -> Iterator[Bridge]:
    """Starts a bridge, waits for it to be `ready`, and ends it."""
    try:
        bridge.start(ready)
        yield bridge
    finally:
        bridge.end()


def read_all(brokers: str, topic: str) -> Iterator[Record]:
    settings = {"group.id": f"read-{uuid.uuid4().hex}", "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer({"bootstrap.servers": brokers, **settings})
    try:
        left = set(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        while left:
            for message in consumer.consume(1_000, 0.1):
                error = message.error()
                if error is None:
                    yield _record(topic, message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def _record(topic: str, message: Message) -> Record:
    headers: Any = message.headers() or ()
    partition, offset, key, value = message.partition(), message.offset(), message.key(), message.value()
    assert partition is not None and offset is not None
    return Record(topic, partition, offset, key, value or b"", dict(headers))
