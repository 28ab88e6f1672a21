"""Kafka clients with the settings that lose nothing: an idempotent producer and a consumer that commits by hand."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer as _Consumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Producer as _Producer

from headrace.errors import DeliveryError
from headrace.logs import KAFKA_LOGGER

OnDelivery = Callable[[KafkaError | None, Message], None]
OnPartitions = Callable[[list[TopicPartition]], None]

log = logging.getLogger(__name__)
_REFUSED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)


def is_final(error: KafkaError) -> bool:
    """Whether a client can't go on by itself: a fatal error, or a refusal that only a person can mend.

    Its `retriable` says less than that: it is false for a coordinator that is being looked for.
    """
    return error.fatal() or error.code() in _REFUSED


class RecordWriter(Protocol):
    """What a part needs that only writes records; `FakeProducer` in `headrace.testing` is another one."""

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Queues a record; `on_delivery` is called from `poll` or `flush` with its report."""
        ...

    def poll(self, timeout: float = 0.0) -> int:
        """Runs the delivery reports that are there; waits at most `timeout` seconds for the first."""
        ...

    def flush(self, timeout: float) -> None:
        """Waits until every queued record is confirmed.

        Raises:
            DeliveryError: a record failed, or some are unconfirmed after `timeout` seconds.
        """
        ...


def client_config(brokers: str) -> dict[str, Any]:
    """What all clients share. Their reports go to the log of the process, from `poll`, `flush` or `consume`."""
    return {
        "bootstrap.servers": brokers,
        "logger": logging.getLogger(KAFKA_LOGGER),
        "reconnect.backoff.ms": 250,
        "reconnect.backoff.max.ms": 2_000,
    }


def producer_config(brokers: str, client_id: str, **overrides: Any) -> dict[str, Any]:
    """librdkafka's settings of every producer in Headrace.

    The partitioner is Java's, so that a device is in one partition whoever writes.
    """
    return {
        **client_config(brokers),
        "client.id": client_id,
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "delivery.timeout.ms": 30_000,
        **overrides,
    }


class Producer:
    """An idempotent producer with `acks=all`.

    Records without an `on_delivery` of their own are counted by failure alone, which is cheaper than a report for each;
    `flush` raises when one failed.
    """

    def __init__(self, brokers: str, client_id: str, **overrides: Any) -> None:
        self._failed: list[str] = []
        self._producer = _Producer(producer_config(brokers, client_id, **overrides))

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        on_delivery: OnDelivery | None = None,
    ) -> None:
        report = on_delivery or self._note_failure
        while True:
            try:
                self._producer.produce(topic, value, key, headers=list(headers), on_delivery=report)
                return
            except BufferError:
                # The queue is full: let reports free places; the caller is held back, which is the back-pressure.
                self._producer.poll(0.1)

    def offer(
        self, topic: str, value: bytes | None, key: bytes, headers: Sequence[tuple[str, bytes]], on_delivery: OnDelivery
    ) -> None:
        """As `produce`, but never waits.

        Raises:
            BufferError: the queue is full.
        """
        self._producer.produce(topic, value, key, headers=list(headers), on_delivery=on_delivery)

    def poll(self, timeout: float = 0.0) -> int:
        return int(self._producer.poll(timeout))

    def flush(self, timeout: float) -> None:
        left = self._producer.flush(timeout)
        failed, self._failed = self._failed, []
        if left or failed:
            raise DeliveryError(left, failed)

    def __len__(self) -> int:
        """Records that are queued or in flight."""
        return len(self._producer)

    def _note_failure(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(f"{message.topic()}: {error.str()}")


def headers_of_message(message: Message) -> list[tuple[str, bytes]]:
    """The headers of a message as pairs; a header without a value has an empty one."""
    found = message.headers() or ()
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value if isinstance(value, bytes) else (value or "").encode()) for name, value in pairs]


def consumer_config(brokers: str, group: str, **overrides: Any) -> dict[str, Any]:
    """librdkafka's settings of every consumer in Headrace: commits by hand, committed records only, from the start."""
    return {
        **client_config(brokers),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.queue.backoff.ms": 100,
        "queued.max.messages.kbytes": 65_536,
        **overrides,
    }


def offset_of(message: Message) -> int:
    """The offset of a message that was read."""
    offset = message.offset()
    return -1 if offset is None else offset


class Consumer:
    """A group consumer that gives lists and commits only what it is told to.

    One thread calls it. A batch is committed after its effects are confirmed, never before.
    """

    def __init__(
        self,
        brokers: str,
        group: str,
        topics: Sequence[str],
        on_assign: OnPartitions | None = None,
        on_revoke: OnPartitions | None = None,
        **overrides: Any,
    ) -> None:
        self._consumer = _Consumer(consumer_config(brokers, group, **overrides))
        callbacks: dict[str, Any] = {}
        if on_assign:
            callbacks["on_assign"] = lambda _, partitions: on_assign(partitions)
        if on_revoke:
            callbacks["on_revoke"] = callbacks["on_lost"] = lambda _, partitions: on_revoke(partitions)
        self._consumer.subscribe(list(topics), **callbacks)

    def poll_batch(self, max_records: int, timeout: float) -> dict[tuple[str, int], list[Message]]:
        """Reads what is there, at most `max_records`, as lists of consecutive records by (topic, partition).

        Raises:
            KafkaException: a fatal error, or a refusal that only a person can mend.
        """
        batch: dict[tuple[str, int], list[Message]] = {}
        for message in self._consumer.consume(max_records, timeout):
            error = message.error()
            if error is None:
                batch.setdefault((str(message.topic()), int(message.partition() or 0)), []).append(message)
            elif is_final(error):
                raise KafkaException(error)
            else:
                # The client mends it by itself: a broker that is away or starting, a topic that is not known yet.
                log.warning("Kafka gives no records for now", extra={"problem": error.str()})
        return batch

    def commit(self, offsets: Sequence[TopicPartition]) -> None:
        """Commits next offsets and waits for the broker's answer.

        Raises:
            KafkaException: the commit was refused, for example since the partitions went to another member.
        """
        for result in self._consumer.commit(offsets=list(offsets), asynchronous=False) or ():
            if result.error is not None:
                raise KafkaException(result.error)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._consumer.pause(list(partitions))

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self._consumer.resume(list(partitions))

    def seek(self, partition: TopicPartition) -> None:
        self._consumer.seek(partition)

    def assignment(self) -> list[TopicPartition]:
        return list(self._consumer.assignment())

    def lag(self) -> dict[tuple[str, int], int]:
        """Records behind the end by (topic, partition), of what is assigned, by the positions last heard of."""
        result = {}
        for position in self._consumer.position(self.assignment()):
            _, high = self._consumer.get_watermark_offsets(position, cached=True)
            if position.offset >= 0 and high >= 0:
                result[(position.topic, position.partition)] = max(0, high - position.offset)
        return result

    def close(self) -> None:
        self._consumer.close()
