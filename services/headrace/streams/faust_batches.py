"""Batches through Faust's own worker, consumer and agents. All that is private of Faust and aiokafka is in this module.

Stock Faust costs 130 µs of Python per record and its commit logic can pass a record that is still being worked on. Here
its consumer hands an agent one message per partition and fetch, whose value is a `Batch`, and only commits what the
engine says is done. Assignment, heartbeats, supervision, flow control and the worker command stay Faust's.

Written against faust-streaming 0.15.3 and aiokafka 0.14; `tests/unit/headrace/test_faust_assumptions.py` holds what is
relied on, so that an upgrade that changes it fails there and not in production.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from yarl import URL

from headrace.streams.batch import Batch

CommittableOffset = Callable[[str, int], int | None]
"""The next offset of (topic, partition) up to which everything is done, or None where nothing is known."""

FETCH_MAX_WAIT_MS = 250
"""Faust's 1,500 ms would hold a partition's answer back whenever another one is idle."""


class _CommittedThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, which Faust does in its exactly-once mode alone."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer


class BatchConsumer(driver.Consumer):
    """Gives one message per partition and fetch; commits what `app.committable_offset` allows."""

    def _new_consumer_thread(self) -> Any:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, of_partition in (records or {}).items():
            # A rebalance may happen at any await of the caller: what was read before it is read again after it.
            rebalanced = self.app.consumer_generation_id != generation
            if rebalanced or not self.flow_active:
                return
            if of_partition and (tp in (active or ()) or tp in self._buffered_partitions):
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                yield tp, self._to_batch_message(tp, of_partition)

    def _to_batch_message(self, tp: TP, records: list[Any]) -> ConsumerMessage:
        """A message that stands for all records and carries the last one's offset."""
        message = self._to_message(tp, records[-1])
        message.key = None
        message.headers = None
        message.value = cast(bytes, to_batch(tp.topic, tp.partition, records))
        return message

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps need no book-keeping, as commits follow the engine's offsets."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """Every assigned partition: Faust forgets its acknowledgements before the commit of a revocation."""
        return (tp for tp in self.assignment() if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return cast(BatchApp, self.app).committable_offset(tp.topic, tp.partition)


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer


class BatchApp(faust.App):
    """A Faust app whose agents get batches.

    Args:
        brokers: Kafka bootstrap servers, comma-separated.
        committable_offset: asked at every commit; Faust's own acknowledgements commit nothing.
    """

    def __init__(self, app_id: str, brokers: str, committable_offset: CommittableOffset, **settings: Any) -> None:
        self.committable_offset = committable_offset
        super().__init__(app_id, broker=[URL(f"kafka://{one.strip()}") for one in brokers.split(",")], **settings)

    def _create_directories(self) -> None:
        """Faust would make a data folder where the process was started; nothing here is kept in files."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def batch_topic(self, name: str) -> Any:
        """A topic whose values are batches; nothing of it is decoded by Faust."""
        return self.topic(name, key_serializer="raw", value_serializer="raw", internal=False)

    def has_joined(self) -> bool:
        """Whether the worker is in its group and not between two assignments."""
        return self.started and not self.rebalancing and self.consumer_generation_id > 0

    def end_offsets(self) -> Mapping[tuple[str, int], int]:
        """End of each assigned partition as last heard of; partitions that were not heard of yet are left out."""
        consumer = self.consumer
        ends = {(tp.topic, tp.partition): cast(int | None, consumer.highwater(tp)) for tp in consumer.assignment()}
        return {partition: end for partition, end in ends.items() if end is not None}


def to_batch(topic: str, partition: int, records: list[Any]) -> Batch:
    """Columns of aiokafka's records; its timestamps are milliseconds."""
    return Batch(
        topic=topic,
        partition=partition,
        offsets=[record.offset for record in records],
        timestamps=[record.timestamp * 1_000 for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=[record.headers for record in records],
    )
