"""The producer of one task: everything between two checkpoints is one Kafka transaction."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.errors import TransientError
from headrace.kafka import producer_config
from headrace.streams.batch import Headers, OutRecord

log = logging.getLogger(__name__)

MAX_RECORD_BYTES = 1_000_000
"""Of key, value and headers. Kafka refuses the whole batch that a larger record is in."""
_CALL_S = 10.0
_QUEUE_RECORDS = 1_000_000
_QUEUE_KBYTES = 262_144
_NOW = 0
"""As a record's time: librdkafka takes the clock's."""


class AbortRequired(TransientError):
    """The transaction can't be committed; after an abort the same work may be done again."""


class ProducerLost(Exception):
    """Another owner fenced this producer, or it can't go on: the process must end and the next one finds out."""


class Transactions(Protocol):
    """What a task needs of its producer; `MemoryTransactions` in `headrace.testing` is another one."""

    def start(self) -> None:
        """Fences every former owner and finishes what it left open; called once, before anything is read.

        Raises:
            ProducerLost: it can't be had.
        """
        ...

    def produce(self, records: Iterable[OutRecord]) -> None:
        """Adds records to the open transaction, or to a new one.

        Raises:
            AbortRequired: the open transaction failed.
            ProducerLost: it can't go on.
        """
        ...

    def commit(self) -> None:
        """Commits what is open, if anything. Positions are records like any; offsets of a group are not part of it.

        librdkafka's `send_offsets_to_transaction` ignores its time-out and never returns after the group's coordinator
        was away (its issue 5456, seen here at each kill of Kafka).

        Raises:
            AbortRequired: nothing of it counts; abort it.
            ProducerLost: the outcome is unknown here.
        """
        ...

    def abort(self) -> None:
        """Gives up what is open, if anything.

        Raises:
            ProducerLost: it can't be given up here.
        """
        ...

    def close(self) -> None:
        """Lets go of the producer; what is open stays so until the next owner starts."""
        ...


class KafkaTransactions:
    """Transactions of one transactional id. One thread at a time calls it.

    A call that the brokers don't answer is repeated for as long as it takes: input is held back meanwhile.
    """

    def __init__(self, brokers: str, transactional_id: str, **overrides: Any) -> None:
        self.transactional_id = transactional_id
        self._is_open = self._is_closed = False
        self._producer = Producer(
            {
                **producer_config(brokers, transactional_id),
                "transactional.id": transactional_id,
                "transaction.timeout.ms": 60_000,
                # A transaction often meets the end of the one before: 100 ms, the default, would be its duration.
                "retry.backoff.ms": 5,
                "retry.backoff.max.ms": 500,
                "delivery.report.only.error": True,
                "message.max.bytes": MAX_RECORD_BYTES + 10_000,
                "queue.buffering.max.messages": _QUEUE_RECORDS,
                "queue.buffering.max.kbytes": _QUEUE_KBYTES,
                **overrides,
            }
        )

    def start(self) -> None:
        self._call("init_transactions", self._producer.init_transactions)

    def produce(self, records: Iterable[OutRecord]) -> None:
        if not self._is_open:
            self._producer.begin_transaction()
            self._is_open = True
        add = self._producer.produce
        try:
            for record in records:
                topic, key, value, headers, partition = record
                try:
                    if headers:
                        # By position (callbacks and time stand before the headers): by name takes half as long again.
                        add(topic, value, key, partition, None, None, _NOW, _as_list(headers))
                    else:
                        add(topic, value, key, partition)
                except BufferError:
                    self._add_when_there_is_room(record)
        except KafkaException as raised:
            raise self._produce_error(raised.args[0]) from raised

    def commit(self) -> None:
        if self._is_open:
            self._call("commit_transaction", self._producer.commit_transaction)
            self._is_open = False

    def abort(self) -> None:
        if self._is_open:
            # Seldom the brokers refuse it when a record was added just before (librdkafka's issue 4849). The producer
            # is lost then and the process starts again, as after any other loss of it.
            self._call("abort_transaction", self._producer.abort_transaction)
            self._is_open = False

    def close(self) -> None:
        # A call that is still under way must not fence the next owner, however long it takes.
        self._is_closed = True
        self._producer.purge()
        del self._producer

    def _add_when_there_is_room(self, record: OutRecord) -> None:
        topic, key, value, headers, partition = record
        while True:
            self._producer.poll(0.1)
            try:
                self._producer.produce(topic, value, key, partition, None, None, _NOW, _as_list(headers))
                return
            except BufferError:
                continue

    def _call(self, name: str, call: Callable[[float], Any]) -> None:
        while True:
            try:
                call(_CALL_S)
                return
            except KafkaException as raised:
                error: KafkaError = raised.args[0]
                if error.txn_requires_abort():
                    raise AbortRequired(f"{name} of {self.transactional_id}: {error.str()}") from raised
                if self._is_closed or not error.retriable():
                    raise ProducerLost(f"{name} of {self.transactional_id}: {error.str()}") from raised
                log.warning("waiting for Kafka", extra={"call": name, "problem": error.str()})

    def _produce_error(self, error: KafkaError) -> Exception:
        if error.code() == KafkaError._STATE:
            # A record before this one failed meanwhile; the abort says whether the producer can go on.
            return AbortRequired(f"the open transaction of {self.transactional_id} failed: {error.str()}")
        return ProducerLost(f"produce of {self.transactional_id}: {error.str()}")


def _as_list(headers: Headers) -> list[tuple[str, str | bytes | None]]:
    """librdkafka's binding takes a list alone; most records share one, which needs no copy."""
    return headers if isinstance(headers, list) else list(headers)


def sizes_of(records: Iterable[OutRecord]) -> list[int]:
    """Bytes of each record as Kafka's limit counts them, but for some dozens of its frame."""
    sizes: list[int] = []
    last: Headers = ()
    of_headers = 0
    for _, key, value, headers, _ in records:
        # Most records share theirs with the one before.
        if headers is not last:
            last, of_headers = headers, sum(len(name) + len(content) + 10 for name, content in headers)
        sizes.append(len(value or b"") + len(key or b"") + of_headers)
    return sizes
