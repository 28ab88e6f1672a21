"""Reads the dead letters' topic, and sends letters back to where they came from."""

from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from headrace.deadletter import TOPIC, DeadLetter
from headrace.errors import ConfigurationError, TerminalError
from headrace.kafka import (
    RANGE_TIMEOUT_S,
    RecordWriter,
    consumer_config,
    headers_of_message,
    offset_of,
    read_range,
)

REPLAYABLE = ("readings.",)
"""Source topics of Kafka; a letter from an MQTT topic that no route knew has no place to go back to."""


class DeadLetters:
    """The dead letters as they are now, outside any consumer group."""

    def __init__(self, brokers: str) -> None:
        self._config = consumer_config(
            brokers, "deadletters-is-no-group", **{"fetch.wait.max.ms": 20, "enable.partition.eof": True}
        )

    def read_all(self) -> Iterator[DeadLetter]:
        """All dead letters, partition by partition, in the order of their offsets.

        Raises:
            TransientError: the brokers do not answer.
        """
        consumer = Consumer(self._config)
        try:
            for partition in _partitions(consumer):
                low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=RANGE_TIMEOUT_S)
                yield from _letters(consumer, partition, low, high)
        finally:
            consumer.close()

    def read(self, partition: int, offset: int) -> DeadLetter:
        """One dead letter.

        Raises:
            ConfigurationError: there is none at this place.
        """
        consumer = Consumer(self._config)
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=RANGE_TIMEOUT_S)
            if low <= offset < high:
                for letter in _letters(consumer, partition, offset, offset + 1):
                    return letter
            raise ConfigurationError(f"no dead letter {partition}:{offset}; `headrace deadletters list` shows them")
        finally:
            consumer.close()


def replay(writer: RecordWriter, letter: DeadLetter, body: bytes | None = None) -> str:
    """Queues a letter's record for its source topic; returns an empty text, or why it can't go back.

    Key and headers are the source's own, so the receive time and the identity stay, and twice is once.

    Args:
        body: a mended value in place of the original.
    """
    if not letter.source.topic.startswith(REPLAYABLE):
        return "came from an MQTT topic without a route; add a route and publish it again"
    if letter.is_cut and body is None:
        return "only its beginning is kept; give the whole with --body"
    writer.produce(letter.source.topic, letter.value if body is None else body, letter.key, letter.headers)
    return ""


def _partitions(consumer: Consumer) -> list[int]:
    topic = consumer.list_topics(TOPIC, timeout=RANGE_TIMEOUT_S).topics.get(TOPIC)
    return sorted(topic.partitions) if topic else []


def _letters(consumer: Consumer, partition: int, start: int, end: int) -> Iterator[DeadLetter]:
    for messages in read_range(consumer, TOPIC, partition, start, end):
        for message in messages:
            yield from _letter(message, partition, offset_of(message))


def _letter(message: Message, partition: int, offset: int) -> Iterator[DeadLetter]:
    try:
        yield DeadLetter.from_record(
            message.value(), message.key(), headers_of_message(message), position=(partition, offset)
        )
    except TerminalError:
        # Not written by Headrace; there is nothing to show or to replay.
        return
