"""Reads a part of a partition again, outside any consumer group, to rebuild state that a restart lost."""

from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from headrace.kafka import RANGE_TIMEOUT_S, consumer_config, headers_of_message, offset_of, read_range
from headrace.streams.batch import Batch

LOOK_BACK = (1, 16, 1_024)
"""How far before an offset a record is looked for: transactions and compaction leave gaps."""


class KafkaHistory:
    """Gives the records before an offset from at most `horizon_s` seconds of append time back.

    Args:
        max_records: bound on how many are read again, so that a restart under load stays bounded in time.
    """

    def __init__(self, brokers: str, horizon_s: float, max_records: int) -> None:
        # A short fetch wait: the end of the range is mostly the end of the log.
        self._config = consumer_config(brokers, "history-is-no-group", **{"fetch.wait.max.ms": 20})
        self._horizon_ms = int(horizon_s * 1_000)
        self._max_records = max_records

    def __call__(self, topic: str, partition: int, before: int) -> Iterator[Batch]:
        """Batches of the records in [start, before), old ones first.

        Raises:
            TransientError: the brokers did not answer in time.
        """
        consumer = Consumer(self._config)
        try:
            start = self._start(consumer, topic, partition, before)
            if start < before:
                yield from _read(consumer, topic, partition, start, before)
        finally:
            consumer.close()

    def _start(self, consumer: Consumer, topic: str, partition: int, before: int) -> int:
        low = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=RANGE_TIMEOUT_S)[0]
        if before <= low:
            return before
        since = TopicPartition(topic, partition, _last_time_ms(consumer, topic, partition, before) - self._horizon_ms)
        found = consumer.offsets_for_times([since], timeout=RANGE_TIMEOUT_S)[0].offset
        return max(low, found if found >= 0 else before, before - self._max_records)


def _last_time_ms(consumer: Consumer, topic: str, partition: int, before: int) -> int:
    """Append time of the newest record before an offset, or that offset's beginning of time where there is none."""
    for back in LOOK_BACK:
        batches = list(_read(consumer, topic, partition, max(0, before - back), before))
        if batches:
            return batches[-1].timestamps[-1] // 1_000
    return 0


def _read(consumer: Consumer, topic: str, partition: int, start: int, before: int) -> Iterator[Batch]:
    for messages in read_range(consumer, topic, partition, start, before):
        yield _to_batch(topic, partition, messages)


def _to_batch(topic: str, partition: int, messages: list[Message]) -> Batch:
    return Batch(
        topic=topic,
        partition=partition,
        offsets=[offset_of(message) for message in messages],
        timestamps=[message.timestamp()[1] * 1_000 for message in messages],
        keys=[message.key() for message in messages],
        values=[message.value() for message in messages],
        headers=[headers_of_message(message) for message in messages],
    )
