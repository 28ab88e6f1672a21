"""Appends records to the live topics, as the processor does."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.kafka import Producer
from headrace.records import DeviceRecord, encode, headers_of, record_key
from tests.integration.serve_api.tables import TOPICS

_PATIENCE_S = 30.0


class Pipeline:
    """Each call returns when Kafka has the records."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def append(self, *records: DeviceRecord) -> None:
        for record in records:
            key = record_key(record.site, record.device)
            self._producer.produce(TOPICS[type(record)], encode(record), key, headers_of(record))
        self._producer.flush(_PATIENCE_S)

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        """A value that need not be a reading, marked as one."""
        self._producer.produce(topic, value, key, [("schema", b"reading.v1")])
        self._producer.flush(_PATIENCE_S)


@contextmanager
def appending(brokers: str) -> Iterator[Pipeline]:
    producer = Producer(brokers, "tests")
    try:
        yield Pipeline(producer)
    finally:
        producer.flush(_PATIENCE_S)
