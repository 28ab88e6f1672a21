"""What `headrace.streams.faust_batches` relies on inside Faust and aiokafka: an upgrade that changes it fails here."""

import asyncio
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from faust.transport import consumer as base
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from headrace.streams.batch import Batch
from headrace.streams.faust_batches import BatchApp, BatchConsumer, BatchTransport, to_batch


@pytest.fixture
def app() -> Iterator[BatchApp]:
    """An app that is not started; Faust takes the thread's event loop, which is closed afterwards."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app: Any = BatchApp("test", "127.0.0.1:1", lambda topic, partition: 7, store="memory://", web_enabled=False)
    yield app
    app.consumer._thread.thread_loop.close()
    asyncio.set_event_loop(None)
    loop.close()


def test_versions_are_those_that_were_read() -> None:
    assert version("faust-streaming").startswith("0.15.")
    assert version("aiokafka").startswith("0.14.")


def test_drain_takes_messages_from_getmany_and_calls_back_with_each() -> None:
    source = inspect.getsource(base.Consumer._drain_messages)
    assert "getmany(timeout=1.0)" in source and "callback(message)" in source


def test_waiting_for_records_gives_lists_by_partition() -> None:
    assert inspect.iscoroutinefunction(base.Consumer._wait_next_records)
    assert "max_records=_consumer._max_poll_records" in inspect.getsource(driver.AIOKafkaConsumerThread.getmany)


def test_commit_asks_for_partitions_and_then_for_each_offset() -> None:
    assert "_filter_tps_with_pending_acks" in inspect.getsource(base.Consumer.force_commit)
    assert "_new_offset" in inspect.getsource(base.Consumer._filter_committable_offsets)


def test_gap_bookkeeping_is_one_coroutine() -> None:
    assert inspect.iscoroutinefunction(base.Consumer._add_gap)


def test_app_makes_its_transport_in_one_place(app: BatchApp) -> None:
    assert isinstance(app.transport, BatchTransport)
    assert isinstance(app.consumer, BatchConsumer)


def test_app_makes_its_folders_in_one_place() -> None:
    assert "self._create_directories()" in inspect.getsource(faust.App.on_first_start)


def test_worker_consumer_is_made_in_one_place_and_reads_its_settings_at_start() -> None:
    assert "_create_worker_consumer" in inspect.getsource(driver.AIOKafkaConsumerThread._create_consumer)
    start = inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    assert "isolation_level=self._isolation_level" in start and "fetch_max_wait_ms=self._fetch_max_wait_ms" in start


def test_commit_offset_is_the_engines_and_not_that_of_an_acknowledgement(app: BatchApp) -> None:
    consumer: Any = app.consumer
    partition = TP("in", 0)
    consumer._acked[partition].extend([10, 11, 12])
    assert consumer._new_offset(partition) == 7
    assert consumer._acked[partition] == []


def test_message_stands_for_all_records_and_carries_the_last_offset(app: BatchApp) -> None:
    consumer: Any = app.consumer
    app.consumer_generation_id = 3
    records = [
        SimpleNamespace(
            topic="in", partition=0, offset=offset, timestamp=1_000 + offset, timestamp_type=1, headers=(("h", b"1"),),
            key=b"k", value=b"v%d" % offset, checksum=None, serialized_key_size=1, serialized_value_size=2,
        )
        for offset in (5, 8)
    ]  # fmt: skip
    message = consumer._to_batch_message(TP("in", 0), records)
    assert (message.offset, message.generation_id, message.key) == (8, 3, None)
    assert message.value == to_batch("in", 0, records)
    assert message.value == Batch(
        "in", 0, [5, 8], [1_005_000, 1_008_000], [b"k", b"k"], [b"v5", b"v8"], [(("h", b"1"),)] * 2
    )
