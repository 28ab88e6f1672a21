"""A process_interactions of one test on the session's Kafka, and what it wrote of the test's subjects."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from headrace.interactions.records import (
    ERASED,
    EXPOSURES,
    FEATURES,
    LESSONS,
    MADE,
    RAW,
    SESSIONS,
    Erasure,
    Exposure,
    Interaction,
    Lesson,
    Recommendation,
    Session,
    UserFeatures,
)
from headrace.kafka import Producer, consumer_config, headers_of_message
from headrace.records import Record, decode, encode, headers_of
from headrace.testing import wait_until
from tests.worker_process import WorkerProcess

_FIRST_PORT = 9_950
_READ = (RAW, MADE, FEATURES, SESSIONS, LESSONS, EXPOSURES)


class InteractionProcess(WorkerProcess):
    """Subjects begin with `name`, so that those of other tests are told apart.

    Attributes:
        appended: interactions and answers with their append times, of each partition in order.
        features: of each subject the newest; None where they were withdrawn.
        revisions: of features, as they were written.
    """

    def __init__(self, brokers: str, folder: Path, window_s: float) -> None:
        self.brokers = brokers
        self.name = uuid.uuid4().hex[:10]
        self.window_s = window_s
        super().__init__("process_interactions", folder, _FIRST_PORT)
        self.appended: list[tuple[Interaction | Recommendation, int]] = []
        self.features: dict[str, UserFeatures | None] = {}
        self.revisions: dict[str, list[int]] = {}
        self.sessions: dict[tuple[str, int], Session] = {}
        self.lessons: list[Lesson] = []
        self.exposures: list[Exposure] = []
        self._producer = Producer(brokers, "test")
        self._consumer = Consumer(consumer_config(brokers, "checks-are-in-no-group"))
        known = self._consumer.list_topics(timeout=30).topics
        self._consumer.assign(
            [TopicPartition(topic, number, 0) for topic in _READ for number in known[topic].partitions]
        )

    def subject(self, number: int | str) -> str:
        return f"{self.name}{number:_>12}"

    def start(self) -> None:
        self.start_with({"BROKERS": self.brokers, "WINDOW_S": str(self.window_s)})

    def send(self, records: Iterable[Interaction | Recommendation]) -> None:
        for each in records:
            topic = RAW if isinstance(each, Interaction) else MADE
            self._producer.produce(topic, encode(each), each.subject.encode(), headers_of(each))
        self._producer.flush(30)

    def erase(self, subject: str, at: int) -> None:
        record = Erasure("default", subject, at)
        self._producer.produce(ERASED, encode(record), subject.encode(), headers_of(record))
        self._producer.flush(30)

    def written(self) -> int:
        """Records that the process wrote of the test's subjects."""
        self.read()
        return sum(map(len, self.revisions.values())) + len(self.lessons) + len(self.exposures)

    def read(self) -> None:
        """Takes the committed records that are there."""
        while messages := self._consumer.consume(5_000, 0.1):
            for message in messages:
                key = (message.key() or b"").decode(errors="replace")
                if message.error() is not None or not key.startswith(self.name):
                    continue
                if message.value() is None:
                    self.features[key] = None
                else:
                    self._take(decode(message.value(), headers_of_message(message)), message.timestamp()[1] * 1_000)

    def _take(self, record: Record, appended: int) -> None:
        if isinstance(record, Interaction | Recommendation):
            self.appended.append((record, appended))
        elif isinstance(record, UserFeatures):
            self.features[record.subject] = record
            self.revisions.setdefault(record.subject, []).append(record.revision)
        elif isinstance(record, Session):
            key = (record.subject, record.start)
            if key not in self.sessions or self.sessions[key].revision <= record.revision:
                self.sessions[key] = record
        elif isinstance(record, Lesson):
            self.lessons.append(record)
        elif isinstance(record, Exposure):
            self.exposures.append(record)

    def wait_for(self, count: int, what: str) -> None:
        """Until so many records were written."""
        wait_until(lambda: self.written() >= count, f"{what}; the worker said {self.said()}", 90, every=0.01)

    def close(self) -> None:
        self.kill()
        self._consumer.close()


@contextmanager
def interaction_process(brokers: str, folder: Path, window_s: float) -> Iterator[InteractionProcess]:
    """A process that is dead afterwards."""
    process = InteractionProcess(brokers, folder, window_s)
    try:
        yield process
    finally:
        process.close()
