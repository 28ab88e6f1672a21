"""Batches through Faust's own worker, consumer and agents. All that is private of Faust and aiokafka is in this module.

Stock Faust costs 130 µs of Python per record and its commit logic can pass a record that is still being worked on. Here
its consumer hands an agent one message per partition and fetch, whose value is a `Delivery`; reads only what tasks
want, from where their checkpoints say; and commits to the group what these say, which only shows how far it is.
Assignment, heartbeats, supervision and the worker command stay Faust's.

Written against faust-streaming 0.15.3 and aiokafka 0.14; `tests/unit/headrace/test_faust_assumptions.py` holds what is
relied on, so that an upgrade that changes it fails there and not in production.
"""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, cast

import faust
from aiokafka.consumer import fetcher
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from yarl import URL

from headrace.streams.batch import Batch
from headrace.streams.engine import Epoch, Partition
from headrace.streams.turns import Turns

Wanted = Callable[[], Mapping[Partition, Epoch]]
"""The partitions that may be read now, each with what its batches are to be marked with."""

OnTruncated = Callable[[Mapping[Partition, int]], None]

FETCH_MAX_WAIT_MS = 250
"""Faust's 1,500 ms would hold a partition's answer back whenever another one is idle."""
_WAIT_S = 0.05
"""Longest wait for records: a partition that became wanted meanwhile is asked for after it."""
_POLL_S = 0.005
_LAST_COMMIT_S = 2.0


class Delivery(NamedTuple):
    """A batch, and the epoch in which its partition was read."""

    batch: Batch
    epoch: Epoch


class _BatchThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, which Faust does in its exactly-once mode alone, and of all stages in turn.

    aiokafka hands out what it has in the order of its arrival, and of a partition all of its megabytes before the next
    one's: a stage that reads what another one writes would get nothing until that has no input left.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Mapping[TP, list[Any]]:
        turns = cast(BatchApp, self.app).turns
        arrived = consumer._fetcher._records
        for tp in turns.order(arrived.keys() & active_partitions):
            arrived.move_to_end(tp)
        taken: Mapping[TP, list[Any]] = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        turns.took(taken)
        return taken

    async def on_thread_stop(self) -> None:
        """While a broker is away aiokafka's fetcher waits, and its cancellation would end this thread with it.

        Faust would then wait a minute for the thread to say that it has stopped.
        """
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()


class _PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """Gives records as aiokafka's parser made them.

    A `ConsumerRecord` made of each would cost 2.5 µs, more than all else on the way to a batch.
    """

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record


class _NoReadOffsets(defaultdict[TP, int | None]):
    """Faust passes over what is below the offset that it gave out last, and sets that offset when a delivery returns.

    After a seek in between, records that must come again would be passed over, unseen. Tasks know what they have done.
    """

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Nothing."""


class BatchConsumer(driver.Consumer):
    """Gives one message per partition and fetch, of the partitions that `app.wanted` names."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._read_offset = _NoReadOffsets()
        # A fetch that is under way moves a position past a seek, and its records, of the time before, are passed over.
        self._positions_in_use = asyncio.Lock()

    def _new_consumer_thread(self) -> Any:
        return _BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # as Faust itself does
        wanted = cast(BatchApp, self.app).wanted()
        active = {TP(*at) for at in wanted} & self._get_active_partitions()
        if not active:
            await asyncio.sleep(_POLL_S)
            return
        for tp, records in (await self._fetch(active, min(timeout, _WAIT_S))).items():
            if not self.flow_active:
                return
            if records:
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                yield tp, self._to_batch_message(tp, records, wanted[tp.topic, tp.partition])

    async def go_on_from(self, positions: Mapping[TP, int]) -> None:
        """Seeks; returns when what is fetched from now on begins there."""
        async with self._positions_in_use:
            await self.seek_wait(positions)

    async def _fetch(self, active: set[TP], timeout: float) -> Mapping[TP, list[Any]]:
        try:
            async with self._positions_in_use:
                return await self._getmany(active, timeout)
        except NoOffsetForPartitionError:
            # Of the moment before the task's seek: the group has no offset, and none is needed.
            return {}
        except OffsetOutOfRangeError as error:
            missing = {(tp.topic, tp.partition): offset for tp, offset in error.args[0].items()}
            cast(BatchApp, self.app).on_truncated(missing)
            return {}

    def _to_batch_message(self, tp: TP, records: list[Any], epoch: Epoch) -> ConsumerMessage:
        """A message that stands for all records and carries the last one's offset."""
        last = records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1_000,
            timestamp_type=last.timestamp_type,
            headers=None,
            key=None,
            value=cast(bytes, Delivery(to_batch(tp.topic, tp.partition, records), epoch)),
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps need no book-keeping, as offsets come from records seen."""

    async def perform_seek(self) -> None:
        """Nothing: a task seeks when it has recovered, and the committed offsets may be a transaction old."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """Every assigned partition: acknowledgements say nothing here."""
        return (tp for tp in self.assignment() if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return cast(BatchApp, self.app).committed().get((tp.topic, tp.partition))

    async def on_stop(self) -> None:
        """While the group still counts this member, so that open transactions can be committed."""
        await cast(BatchApp, self.app).on_drain()
        with suppress(TimeoutError):
            # What is shown to the group is not worth waiting for brokers that are away.
            async with asyncio.timeout(_LAST_COMMIT_S):
                await super().on_stop()


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer


class BatchApp(faust.App):
    """A Faust app whose agents get deliveries.

    Args:
        brokers: Kafka bootstrap servers, comma-separated.
        wanted: asked before each fetch.
        committed: asked for the offsets to show, by (topic, partition).
        on_truncated: told of partitions that don't hold the offset that was asked for, and of this offset.
        on_drain: awaited at the end, after the last fetch and before the group is left.
        turns: whose records each fetch begins with; only used in the consumer's thread.
    """

    def __init__(
        self,
        app_id: str,
        brokers: str,
        wanted: Wanted,
        committed: Callable[[], Mapping[Partition, int]],
        on_truncated: OnTruncated,
        on_drain: Callable[[], Awaitable[None]],
        turns: Turns,
        **settings: Any,
    ) -> None:
        self.wanted = wanted
        self.committed = committed
        self.on_truncated = on_truncated
        self.on_drain = on_drain
        self.turns = turns
        super().__init__(app_id, broker=[URL(f"kafka://{one.strip()}") for one in brokers.split(",")], **settings)

    def _create_directories(self) -> None:
        """Faust would make a data folder where the process was started; nothing here is kept in files."""

    def _new_transport(self) -> BatchTransport:
        # aiokafka looks the class up in its module; every consumer of this process is a `BatchConsumer`.
        fetcher.PartitionRecords = _PlainRecords
        return BatchTransport(self.conf.broker_consumer, self)

    def batch_topic(self, name: str) -> Any:
        """A topic whose values are deliveries; nothing of it is decoded by Faust."""
        return self.topic(name, key_serializer="raw", value_serializer="raw", internal=False)

    def has_joined(self) -> bool:
        """Whether the worker is in its group and not between two assignments."""
        return self.started and not self.rebalancing and self.consumer_generation_id > 0

    def end_offsets(self) -> Mapping[Partition, int]:
        """End of each assigned partition as last heard of; partitions that were not heard of yet are left out."""
        consumer = self.consumer
        ends = {(tp.topic, tp.partition): cast(int | None, consumer.highwater(tp)) for tp in consumer.assignment()}
        return {partition: end for partition, end in ends.items() if end is not None}

    async def seek(self, positions: Mapping[Partition, int]) -> None:
        """Goes on reading from these offsets."""
        consumer = cast(BatchConsumer, self.consumer)
        await consumer.go_on_from({TP(*at): offset for at, offset in positions.items()})


class BatchWorker(faust.Worker):
    """Runs an app until a signal, or until it is ended from within in the same way."""

    def __init__(self, app: BatchApp) -> None:
        super().__init__(app, quiet=True, redirect_stdouts=False, override_logging=False)
        self._is_ended = False

    @property
    def is_over_by_itself(self) -> bool:
        """Whether it was ended from within, and no signal came before it was over."""
        return self._is_ended and not self._shutdown_immediately

    def end(self) -> None:
        """Called on the event loop."""
        self._is_ended = True
        self._schedule_shutdown(signal.SIGTERM)


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
