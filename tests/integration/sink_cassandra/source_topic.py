"""A source's own topic of one test, as ingest_sources writes it, and its table."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cassandra.cluster import Session
from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import Stack
from headrace.kafka import Producer
from headrace.records import ColumnType, RowSchema, encode, headers_of
from headrace.streams.batch import Batch
from headrace.testing import wait_until
from headrace.topics import Topic, create_topics

PARTITIONS = 2
Row = Mapping[str, Any] | bytes
NOW_MS = 1_790_000_000_000


@dataclass
class SourceTopic:
    """`columns` are those of the newest schema; every new set of them is another version."""

    stack: Stack
    keyspace: str
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}")
    version: int = 0

    def __post_init__(self) -> None:
        self.topic = f"sources.{self.name}"
        self.table = f"{self.keyspace}.source_{self.name}"
        self._producer = Producer(self.stack.brokers, "test")

    def create(self) -> None:
        topic = Topic(name=self.topic, about="", key="", record="raw", partitions=PARTITIONS, writers=())
        create_topics(self.stack.brokers, {self.topic: topic})

    def declare(self, columns: Mapping[str, ColumnType]) -> None:
        """Writes the next version of the schema."""
        self.version += 1
        schema = RowSchema(self.topic, self.name, self.version, "{id}", dict(columns), 0)
        self._producer.produce("sources.schemas", encode(schema), self.topic.encode(), headers_of(schema))
        self._producer.flush(30)

    def write(self, key: str, row: Row, version: int | None = None, **headers: str) -> None:
        self._producer.produce(self.topic, body(row), key.encode(), self.headers(version, **headers))

    def delete(self, key: str) -> None:
        self._producer.produce(self.topic, None, key.encode(), [("source.op", b"delete")])

    def flush(self) -> None:
        self._producer.flush(30)

    def headers(self, version: int | None = None, **headers: str) -> list[tuple[str, bytes]]:
        named = {"schema": f"{self.topic}.v{version or self.version}", **headers}
        return [(name, value.encode()) for name, value in named.items()]

    def batch(self, rows: list[tuple[str, Row | None]], first_offset: int = 0) -> Batch:
        """Records of one partition, twenty in each millisecond; a row that is None deletes."""
        offsets = range(first_offset, first_offset + len(rows))
        return Batch(
            topic=self.topic,
            partition=0,
            offsets=offsets,
            timestamps=[(NOW_MS + offset // 20) * 1_000 for offset in offsets],
            keys=[key.encode() for key, _ in rows],
            values=[None if row is None else body(row) for _, row in rows],
            headers=[[("source.op", b"delete")] if row is None else self.headers() for _, row in rows],
        )

    def wait_written(self, group: str, timeout: float = 60.0) -> None:
        """Waits until a group has committed all that is in the topic."""
        self.flush()
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": group})
        try:
            wait_until(lambda: self._is_written(consumer), f"{group} to commit all of {self.topic}", timeout, 0.1)
        finally:
            consumer.close()

    def rows(self, session: Session) -> dict[str, dict[str, Any]]:
        """What the table holds: key → values that are there."""
        found = session.execute(f"SELECT * FROM {self.table}")  # noqa: S608 - a name of ours
        names = found.column_names
        rows = [dict(zip(names, row, strict=True)) for row in found]
        return {row.pop("__key__"): {name: value for name, value in row.items() if value is not None} for row in rows}

    def _is_written(self, consumer: Consumer) -> bool:
        partitions = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        ends = [consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions]
        committed = [max(0, found.offset) for found in consumer.committed(partitions, timeout=10)]
        return committed == ends


def body(row: Row) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row).encode()
