"""Reads a range of offsets of one partition: committed records only, outside any group."""

import time
from collections.abc import Sequence
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import consumer_config, is_final, offset_of
from headrace.streams.batch import Batch, Headers

READ_RECORDS = 2_000
"""Records at a time: enough that Kafka's client costs little, few enough that checkpoints come in time."""
_READ_S = 0.02
"""Kafka's client waits so long for the wanted number of records, also when some are there."""
_SILENCE_S = 30.0
_ANSWER_S = 30.0
_SETTINGS: dict[str, Any] = {
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 20,
    # What was deleted before it was read is an error that somebody counts, not a jump that nobody sees.
    "auto.offset.reset": "error",
    "fetch.message.max.bytes": 4_194_304,
    "queued.max.messages.kbytes": 16_384,
}


def log_end(brokers: str, topic: str, partition: int) -> int:
    """The offset after the last record of a partition, committed or not.

    Who must see all that was committed before reads up to it: `RangeReader.bounds` ends where somebody's transaction is
    open.

    Raises:
        TransientError: the brokers don't answer.
    """
    consumer = Consumer(consumer_config(brokers, "ends-are-in-no-group", **{"isolation.level": "read_uncommitted"}))
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S)[1])
    except (KafkaException, TypeError) as error:
        raise TransientError(f"the brokers don't say where {topic}-{partition} ends: {error}") from error
    finally:
        consumer.close()


class RangeReader:
    """Gives the records in [start, end), which `start` sets.

    Offsets without a record are possible anywhere, at the end too, so the end is known by a later record or by the end
    of the log, never by the record before it.

    Attributes:
        next_offset: after the newest that is known to be read, record or gap.
    """

    def __init__(self, brokers: str, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = self.end = 0
        self._consumer = Consumer(consumer_config(brokers, "ranges-are-in-no-group", **_SETTINGS))
        self._deadline = 0.0

    @property
    def is_done(self) -> bool:
        """Whether nothing of the range is left to read."""
        return self.next_offset >= self.end

    def bounds(self) -> tuple[int, int]:
        """The first offset of the log, and the one after the last that is committed.

        Raises:
            TransientError: the brokers don't answer.
        """
        try:
            at = TopicPartition(self.topic, self.partition)
            low, high = self._consumer.get_watermark_offsets(at, timeout=_ANSWER_S)
            return int(low), int(high)
        except (KafkaException, TypeError) as error:
            raise TransientError(f"the brokers don't say how far {self._name()} goes: {error}") from error

    def start(self, offset: int, end: int) -> None:
        """Goes on at an offset, to read up to another."""
        self.next_offset, self.end = offset, end
        self._consumer.unassign()
        if not self.is_done:
            self._consumer.assign([TopicPartition(self.topic, self.partition, offset)])
        self._deadline = time.monotonic() + _SILENCE_S

    def read(self, max_records: int = READ_RECORDS) -> list[Message]:
        """What is there of the range, in order; waits a moment for more.

        Raises:
            TransientError: the next record was deleted, or Kafka gave nothing for half a minute.
            ConfigurationError: the topic is gone or may not be read.
        """
        found: list[Message] = []
        for message in self._consumer.consume(max_records, _READ_S):
            error = message.error()
            if error is not None:
                self._take_error(error, offset_of(message))
                continue
            offset = offset_of(message)
            if offset < self.end:
                found.append(message)
            self.next_offset = offset + 1
        self._check_silence(bool(found))
        return found

    def close(self) -> None:
        self._consumer.close()

    def _take_error(self, error: KafkaError, offset: int) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self.next_offset = max(self.next_offset, offset)
        elif code == KafkaError._AUTO_OFFSET_RESET:
            raise TransientError(f"{self._name()} does not hold offset {self.next_offset} any more")
        elif is_final(error) or code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConfigurationError(f"{self._name()} can't be read: {error.str()}")

    def _check_silence(self, has_records: bool) -> None:
        now = time.monotonic()
        if has_records:
            self._deadline = now + _SILENCE_S
        elif now > self._deadline and not self.is_done:
            raise TransientError(f"Kafka gave nothing for {_SILENCE_S} s of {self._name()} before {self.end}")

    def _name(self) -> str:
        return f"{self.topic}-{self.partition}"


def to_batch(topic: str, partition: int, messages: Sequence[Message]) -> Batch:
    """Columns of librdkafka's records, as a worker gives them to the rules."""
    return Batch(
        topic=topic,
        partition=partition,
        offsets=[offset_of(message) for message in messages],
        timestamps=[message.timestamp()[1] * 1_000 for message in messages],
        keys=[message.key() for message in messages],
        values=[message.value() for message in messages],
        headers=[cast(Headers, message.headers() or ()) for message in messages],
    )
