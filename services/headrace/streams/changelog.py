"""Reads what a task wrote about itself: its cells and its last checkpoint record; and how its inputs stand."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import client_config, consumer_config, is_final
from headrace.range_reader import RangeReader, to_batch
from headrace.streams.batch import Batch, Cells
from headrace.streams.checkpoint import CELL_PREFIX, RECORD_KEY, Checkpoint, InputLog, decode_checkpoint

log = logging.getLogger(__name__)

_READ_RECORDS = 20_000
_SILENCE_S = 30.0
_ANSWER_S = 30.0
_SAY_EVERY_S = 2.0
_OFFSET_BEGINNING = 0
_PREFIX_BYTES = len(CELL_PREFIX)


class Logs(Protocol):
    """What a task reads besides its input; `MemoryLogs` in `headrace.testing` is another one."""

    def read_changelog(self, topic: str, partition: int, cells: Cells) -> Checkpoint | None:
        """Adds the cells of the last checkpoint to an empty mapping, up to the end of what is committed.

        Returns:
            The checkpoint's record, if there was a checkpoint.

        Raises:
            TransientError: Kafka gave nothing for half a minute.
        """
        ...

    def describe_inputs(self, topics: Sequence[str], partition: int) -> dict[str, InputLog]:
        """One partition number of each topic as the brokers have it.

        Raises:
            TransientError: the brokers don't answer.
            ConfigurationError: a topic is missing.
        """
        ...

    def read_to_end(self, topic: str, partition: int, offset: int) -> Iterator[Batch]:
        """The committed records from an offset to the present end.

        Raises:
            TransientError: Kafka gave nothing for half a minute, or has deleted what comes next.
        """
        ...


class KafkaLogs:
    """Reads with clients of its own, outside any group, committed records only."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers

    def read_changelog(self, topic: str, partition: int, cells: Cells) -> Checkpoint | None:
        consumer = Consumer(
            consumer_config(
                self._brokers,
                "changelogs-are-in-no-group",
                **{
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": 20,
                    "auto.offset.reset": "earliest",
                    "fetch.message.max.bytes": 8_388_608,
                    "queued.min.messages": 200_000,
                },
            )
        )
        try:
            consumer.assign([TopicPartition(topic, partition, _OFFSET_BEGINNING)])
            return _read_to_end(consumer, f"{topic}-{partition}", cells)
        finally:
            consumer.close()

    def describe_inputs(self, topics: Sequence[str], partition: int) -> dict[str, InputLog]:
        admin = AdminClient(client_config(self._brokers))
        consumer = Consumer(consumer_config(self._brokers, "offsets-are-in-no-group"))
        try:
            found = {}
            for topic, future in admin.describe_topics(TopicCollection(list(topics))).items():
                description = future.result(_ANSWER_S)
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S)
                found[topic] = InputLog(str(description.topic_id), low, high)
            return found
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
                raise ConfigurationError(
                    f"a topic of {', '.join(topics)} does not exist; run python -m headrace.topics"
                ) from raised
            raise TransientError(f"the brokers don't describe {', '.join(topics)}: {error.str()}") from raised
        except TimeoutError as raised:
            raise TransientError(f"the brokers don't describe {', '.join(topics)}") from raised
        finally:
            consumer.close()

    def read_to_end(self, topic: str, partition: int, offset: int) -> Iterator[Batch]:
        reader = RangeReader(self._brokers, topic, partition)
        try:
            reader.start(offset, reader.bounds()[1])
            while not reader.is_done:
                if messages := reader.read():
                    yield to_batch(topic, partition, messages)
        finally:
            reader.close()


def _read_to_end(consumer: Consumer, name: str, cells: Cells) -> Checkpoint | None:
    checkpoint: bytes | None = None
    records, begin = 0, time.monotonic()
    deadline, say_at = begin + _SILENCE_S, begin + _SAY_EVERY_S
    while time.monotonic() < deadline:
        messages = consumer.consume(_READ_RECORDS, 0.05)
        for message in messages:
            error = message.error()
            if error is None:
                key, value = message.key() or b"", message.value()
                if key == RECORD_KEY:
                    checkpoint = value
                elif value is None:
                    cells.pop(key[_PREFIX_BYTES:], None)
                else:
                    cells[key[_PREFIX_BYTES:]] = value
            elif error.code() == KafkaError._PARTITION_EOF:
                return decode_checkpoint(checkpoint) if checkpoint else None
            elif is_final(error) or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise ConfigurationError(f"changelog {name} can't be read: {error.str()}")
        if messages:
            records += len(messages)
            deadline = time.monotonic() + _SILENCE_S
        if time.monotonic() > say_at:
            rate = round(records / (time.monotonic() - begin))
            log.info("reading state", extra={"changelog": name, "records": records, "records_per_second": rate})
            say_at += _SAY_EVERY_S
    raise TransientError(f"Kafka gave nothing for {_SILENCE_S} s of changelog {name}")
