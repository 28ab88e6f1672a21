"""What the checker reads from Kafka: the dead letters, and how far each consumer group is behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from loadtest.checker import Dead

_TOPICS_FILE = Path(__file__).resolve().parents[1] / "schemas" / "topics.yaml"
_TIMEOUT_S = 20.0
_PREFIX = "deadletter."
_COUNTED = 100


def dead_letters(brokers: str) -> list[Dead]:
    """Every dead letter."""
    return [_dead(message) for message in read_topic(brokers, "deadletters")]


def read_topic(brokers: str, topic: str) -> Iterator[Message]:
    """All committed records of a topic, partition by partition in order."""
    with _consumer(brokers, f"scan-{uuid4()}") as consumer:
        found = consumer.list_topics(topic, _TIMEOUT_S).topics[topic].partitions
        for partition in sorted(found):
            yield from _from(consumer, TopicPartition(topic, partition, OFFSET_BEGINNING))


def unread(brokers: str) -> dict[str, int]:
    """Records that each required group of schemas/topics.yaml has not committed yet, by `group/topic`."""
    flow = yaml.safe_load(_TOPICS_FILE.read_text())["topics"]
    wanted = [(group, topic) for topic, entry in flow.items() for group in entry.get("required_groups", ())]
    return {f"{group}/{topic}": _unread(brokers, group, topic) for group, topic in wanted}


def end_offsets(brokers: str) -> dict[tuple[str, int], int]:
    """The end of each partition of the topics in schemas/topics.yaml."""
    topics = yaml.safe_load(_TOPICS_FILE.read_text())["topics"]
    with _consumer(brokers, f"scan-{uuid4()}") as consumer:
        found = consumer.list_topics(timeout=_TIMEOUT_S).topics
        places = [TopicPartition(topic, partition) for topic in topics for partition in found[topic].partitions]
        return {(at.topic, at.partition): consumer.get_watermark_offsets(at, _TIMEOUT_S)[1] for at in places}


def _unread(brokers: str, group: str, topic: str) -> int:
    """Counts the last records, since the marker of a transaction takes an offset that nobody reads."""
    with _consumer(brokers, group) as consumer:
        partitions = consumer.list_topics(topic, _TIMEOUT_S).topics[topic].partitions
        committed = consumer.committed([TopicPartition(topic, number) for number in partitions], _TIMEOUT_S)
        behind = 0
        for position in committed:
            low, high = consumer.get_watermark_offsets(position, _TIMEOUT_S)
            start = max(position.offset, low)
            if high - start > _COUNTED:
                behind += high - start
            elif start < high:
                behind += sum(1 for _ in _from(consumer, TopicPartition(topic, position.partition, start)))
        return behind


def _from(consumer: Consumer, position: TopicPartition) -> Iterator[Message]:
    consumer.assign([position])
    while True:
        message = consumer.poll(_TIMEOUT_S)
        if message is None:
            raise TimeoutError(f"no answer for {position.topic} [{position.partition}] within {_TIMEOUT_S} s")
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise KafkaException(error)


def _consumer(brokers: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # Most logs end in the marker of a transaction, after which only an empty fetch says that it is the end.
            "fetch.wait.max.ms": 10,
            "isolation.level": "read_committed",
        }
    )


def _dead(message: Message) -> Dead:
    found: Any = message.headers() or []
    headers = {name: value.decode(errors="replace") for name, value in found if value is not None}
    source = (headers[_PREFIX + "topic"], int(headers[_PREFIX + "partition"]), int(headers[_PREFIX + "offset"]))
    number = int(headers["message_id"], 16) if "message_id" in headers else None
    key = _reading_key(message.value() or b"") if headers.get("schema") == "reading.v1" else None
    _, _, device = (message.key() or b"").decode(errors="replace").partition("/")
    return Dead(headers[_PREFIX + "reason"], source, number, key, device)


def _reading_key(value: bytes) -> tuple[str, str, int] | None:
    """Device, metric and device time of a reading; None where the letter is about bytes that are none."""
    try:
        reading = json.loads(value)
        return reading["device"], reading["metric"], reading.get("device_time", reading["time"])
    except (ValueError, KeyError, TypeError):
        return None
