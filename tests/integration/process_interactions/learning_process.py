"""A process_interactions of one test on the session's Kafka, which is given lessons and exposures."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from deploy.local.paths import PROJECT
from deploy.local.ports import can_bind
from headrace.interactions.records import (
    EXPOSURES,
    ITEM_MODELS,
    LESSONS,
    RECOMMENDERS,
    Exposure,
    ItemModel,
    Lesson,
    RecommenderModel,
)
from headrace.kafka import Producer, consumer_config, headers_of_message
from headrace.records import Record, decode, encode, headers_of
from headrace.testing import wait_until

_FIRST_PORT = 9_910


class LearningProcess:
    """`site` is that of all its records; what others wrote on the same Kafka is passed over."""

    def __init__(self, brokers: str, folder: Path) -> None:
        self.brokers = brokers
        self.site = f"t{uuid.uuid4().hex[:10]}"
        self.log = folder / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._experiments = folder / "experiments"
        self._experiments.mkdir()
        self._port = next(port for port in range(_FIRST_PORT, _FIRST_PORT + 80) if can_bind(port))
        self._producer = Producer(brokers, "test")

    def start(self, **settings: str) -> None:
        given = {
            "BROKERS": self.brokers,
            "HTTP_PORT": str(self._port),
            "EXPERIMENTS": str(self._experiments),
            "MAX_BATCH_RECORDS": "50",
            **settings,
        }
        variables = {f"PROCESS_INTERACTIONS_{name}": value for name, value in given.items()}
        path = {"PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT)))}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "process_interactions"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **path, **variables})

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Ends it as an operator would; returns its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        return status

    def send(self, records: Iterable[Lesson | Exposure]) -> None:
        for record in records:
            topic = LESSONS if isinstance(record, Lesson) else EXPOSURES
            self._producer.produce(topic, encode(record), record.subject.encode(), headers_of(record))
        self._producer.flush(30)

    def metrics(self) -> str:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=2) as answer:
            content: bytes = answer.read()
            return content.decode()
        return ""

    def versions(self) -> list[RecommenderModel]:
        return [each for each in self._read(RECOMMENDERS) if isinstance(each, RecommenderModel)]

    def rows(self) -> list[ItemModel]:
        return [each for each in self._read(ITEM_MODELS) if isinstance(each, ItemModel)]

    def wait_for_learned(self, count: int) -> None:
        """Until a version with as many lessons and exposures is published."""

        def is_there() -> bool:
            return max((each.learned for each in self.versions()), default=0) >= count

        wait_until(is_there, f"{count} learned; the worker said {self._said()}", 90, every=0.2)

    def close(self) -> None:
        self.kill()

    def _read(self, topic: str) -> list[Record]:
        """The committed records of this site, the oldest first; of a compacted topic, those that are left."""
        consumer = Consumer(consumer_config(self.brokers, "checks-are-in-no-group", **{"enable.partition.eof": True}))
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[Record] = []
        try:
            while True:
                for message in consumer.consume(5_000, 0.2):
                    if message.error() is not None:
                        return found
                    record = decode(message.value(), headers_of_message(message))
                    if getattr(record, "site", "") == self.site:
                        found.append(record)
        finally:
            consumer.close()

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-800:] if self.log.exists() else ""


@contextmanager
def learning_process(brokers: str, folder: Path) -> Iterator[LearningProcess]:
    """A process that is dead afterwards."""
    process = LearningProcess(brokers, folder)
    try:
        yield process
    finally:
        process.close()
