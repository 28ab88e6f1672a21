"""A process_interactions of one test on the session's Kafka, which is given lessons and exposures."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

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
from tests.worker_process import WorkerProcess

_FIRST_PORT = 9_910


class LearningProcess(WorkerProcess):
    """`site` is that of all its records; what others wrote on the same Kafka is passed over."""

    def __init__(self, brokers: str, folder: Path) -> None:
        self.brokers = brokers
        self.site = f"t{uuid.uuid4().hex[:10]}"
        super().__init__("process_interactions", folder, _FIRST_PORT)
        self._experiments = folder / "experiments"
        self._experiments.mkdir()
        self._producer = Producer(brokers, "test")

    def start(self, **settings: str) -> None:
        own = {"BROKERS": self.brokers, "EXPERIMENTS": str(self._experiments), "MAX_BATCH_RECORDS": "50"}
        self.start_with({**own, **settings})

    def send(self, records: Iterable[Lesson | Exposure]) -> None:
        for record in records:
            topic = LESSONS if isinstance(record, Lesson) else EXPOSURES
            self._producer.produce(topic, encode(record), record.subject.encode(), headers_of(record))
        self._producer.flush(30)

    def versions(self) -> list[RecommenderModel]:
        return [each for each in self._read(RECOMMENDERS) if isinstance(each, RecommenderModel)]

    def rows(self) -> list[ItemModel]:
        return [each for each in self._read(ITEM_MODELS) if isinstance(each, ItemModel)]

    def wait_for_learned(self, count: int) -> None:
        """Until a version with as many lessons and exposures is published."""

        def is_there() -> bool:
            return max((each.learned for each in self.versions()), default=0) >= count

        wait_until(is_there, f"{count} learned; the worker said {self.said()}", 90, every=0.2)

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
                    if message.value() is None:
                        continue
                    record = decode(message.value(), headers_of_message(message))
                    if getattr(record, "site", "") == self.site:
                        found.append(record)
        finally:
            consumer.close()


@contextmanager
def learning_process(brokers: str, folder: Path) -> Iterator[LearningProcess]:
    """A process that is dead afterwards."""
    process = LearningProcess(brokers, folder)
    try:
        yield process
    finally:
        process.close()
