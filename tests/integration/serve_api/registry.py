"""Reads a topic, such as devices.registry, from its beginning, independently of the services' own clients."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

TOPIC = "devices.registry"
PATIENCE_S = 20.0


def records_of(brokers: str, key: bytes, count: int, topic: str = TOPIC) -> list[Message]:
    """The first `count` records of a key."""
    found: list[Message] = []
    for message in _messages(brokers, topic):
        if message.key() == key:
            found.append(message)
        if len(found) == count:
            break
    assert len(found) == count, f"{len(found)} records of {key!r} after {PATIENCE_S} s"
    return found


def _messages(brokers: str, topic: str) -> Iterator[Message]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "tests", "isolation.level": "read_committed"})
    try:
        partitions = consumer.list_topics(topic, 10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None:
                yield message
    finally:
        consumer.close()
