"""What `headrace.streams.faust_batches` relies on inside Faust and aiokafka: an upgrade that changes it fails here."""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.app.base import App
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service
from mode.threads import MethodQueue

from headrace.streams.batch import Batch
from headrace.streams.faust_batches import FETCH_MAX_WAIT_MS, BatchApp, BatchConsumer, BatchTransport, Delivery
from tests.unit.headrace.asking_engine import Engine

FIRST, SECOND = TP("in", 0), TP("in", 1)


@pytest.fixture
def consumer(app: BatchApp) -> Any:
    """Its consumer, with both partitions active."""
    consumer: Any = app.consumer
    consumer._set_active_tps({FIRST, SECOND})
    return consumer


def record(offset: int) -> Any:
    value, headers = b"v%d" % offset, [("h", b"1")]
    return SimpleNamespace(
        offset=offset, timestamp=1_000 + offset, timestamp_type=1, headers=headers, key=b"k", value=value
    )


def answers(*results: Mapping[TP, list[Any]] | Exception) -> Callable[[set[TP], float], Awaitable[Any]]:
    """A consumer thread that gives these in turn."""
    left = iter(results)

    async def getmany(active: set[TP], timeout: float) -> Any:
        result = next(left)
        if isinstance(result, Exception):
            raise result
        return result

    return getmany


async def taken(consumer: Any) -> list[Any]:
    return [message async for _, message in consumer.getmany(0.1)]


def test_versions_are_those_that_were_read() -> None:
    assert version("faust-streaming").startswith("0.15.")
    assert version("aiokafka").startswith("0.14.")


def test_app_makes_its_transport_and_consumer_in_one_place(app: BatchApp) -> None:
    assert isinstance(app.transport, BatchTransport)
    assert isinstance(app.consumer, BatchConsumer)


def test_app_makes_its_folders_in_one_place() -> None:
    assert "self._create_directories()" in inspect.getsource(faust.App.on_first_start)


def made_consumer(loop: asyncio.AbstractEventLoop, app: Any) -> Any:
    """aiokafka's consumer as Faust's thread makes it, not started."""

    async def made() -> Any:
        return app.consumer._thread._create_consumer(loop)

    consumer = loop.run_until_complete(made())
    consumer._closed = True
    return consumer


def test_committed_records_only_and_no_jump_over_deleted_ones(loop: asyncio.AbstractEventLoop, app: Any) -> None:
    consumer = made_consumer(loop, app)
    assert consumer._isolation_level == "read_committed"
    assert consumer._fetch_max_wait_ms == FETCH_MAX_WAIT_MS
    assert consumer._auto_offset_reset == "none"
    start = inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    for name in ("isolation_level", "fetch_max_wait_ms", "auto_offset_reset"):
        assert f"{name}=self._{name}" in start


def test_partitions_of_one_number_are_assigned_together(loop: asyncio.AbstractEventLoop, app: Any) -> None:
    """Faust's own assignor keeps topics of one partition count together; aiokafka's would part them."""
    made_consumer(loop, app)
    assert app.consumer._thread._assignor is app.assignor


def test_reset_policy_none_reports_instead_of_jumping() -> None:
    assert fetcher.OffsetResetStrategy.from_str("none") == fetcher.OffsetResetStrategy.NONE


def test_fetch_gives_one_message_per_partition_that_stands_for_all_its_records(
    loop: asyncio.AbstractEventLoop, app: BatchApp, consumer: Any, engine: Engine
) -> None:
    engine.wanted = {("in", 0): (3, 1), ("in", 1): (3, 0)}
    app.consumer_generation_id = 3
    consumer._getmany = answers({FIRST: [record(5), record(8)], SECOND: [record(2)]})
    consumer.highwater = lambda tp: 9
    first, second = loop.run_until_complete(taken(consumer))
    assert first.value == Delivery(
        Batch("in", 0, [5, 8], [1_005_000, 1_008_000], [b"k", b"k"], [b"v5", b"v8"], [[("h", b"1")]] * 2), (3, 1)
    )
    assert (first.offset, first.tp, first.generation_id, first.key) == (8, FIRST, 3, None)
    assert second.value.epoch == (3, 0)


def test_only_wanted_partitions_are_asked_for(loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine) -> None:
    asked = []

    async def getmany(active: set[TP], timeout: float) -> dict[TP, list[Any]]:
        asked.append(active)
        return {}

    consumer._getmany = getmany
    assert loop.run_until_complete(taken(consumer)) == []
    engine.wanted = {}
    assert loop.run_until_complete(taken(consumer)) == []
    assert asked == [{FIRST}], "with no partition at all aiokafka would give those of all"


def test_records_that_come_after_the_flow_was_stopped_are_not_given(
    loop: asyncio.AbstractEventLoop, consumer: Any
) -> None:
    async def getmany(active: set[TP], timeout: float) -> dict[TP, list[Any]]:
        consumer.stop_flow()
        return {FIRST: [record(1)]}

    consumer._getmany = getmany
    assert loop.run_until_complete(taken(consumer)) == []


def test_missing_group_offset_is_no_error(loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine) -> None:
    consumer._getmany = answers(NoOffsetForPartitionError(FIRST))
    assert loop.run_until_complete(taken(consumer)) == []
    assert engine.truncated == {}


def test_deleted_record_is_told_with_its_offset(loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine) -> None:
    consumer._getmany = answers(OffsetOutOfRangeError({FIRST: 7}))
    assert loop.run_until_complete(taken(consumer)) == []
    assert engine.truncated == {("in", 0): 7}


def test_aiokafka_reports_a_deleted_record_with_its_offset() -> None:
    source = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "OffsetOutOfRangeError({tp: fetch_offset})" in source


def test_other_errors_of_a_fetch_end_the_worker(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    consumer._getmany = answers(RuntimeError("unknown"))
    with pytest.raises(RuntimeError):
        loop.run_until_complete(taken(consumer))


def test_faust_asks_its_thread_with_partitions_and_timeout() -> None:
    assert list(inspect.signature(driver.Consumer._getmany).parameters) == ["self", "active_partitions", "timeout"]


async def drained(consumer: Any, offsets: list[int]) -> list[int]:
    """The offsets that Faust's own loop hands on, of messages that come in this order."""
    fetching, given = Service(), []

    async def getmany(timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        for offset in offsets:
            yield FIRST, SimpleNamespace(offset=offset, topic="in", tp=FIRST, key=None, value=None)
        fetching._stopped.set()

    async def callback(message: Any) -> None:
        given.append(message.offset)

    consumer.getmany, consumer.callback = getmany, callback
    await consumer._drain_messages(fetching)
    return given


def test_records_that_come_again_after_a_seek_are_handed_on(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    assert loop.run_until_complete(drained(consumer, [5, 6, 3, 4])) == [5, 6, 3, 4]


def test_faust_alone_would_pass_them_over(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    consumer._read_offset = defaultdict(lambda: None)
    assert loop.run_until_complete(drained(consumer, [5, 6, 3, 4])) == [5, 6]


def test_gaps_are_handed_on_without_book_keeping(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    assert loop.run_until_complete(drained(consumer, [5, 5_000_000])) == [5, 5_000_000]
    assert not consumer._gap[FIRST]


def test_faust_seeks_by_itself_in_one_call_that_does_nothing(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    assert "consumer.perform_seek()" in inspect.getsource(Recovery._resume_streams)
    # An app that is not started has no consumer to seek with: only a call that does nothing returns.
    loop.run_until_complete(consumer.perform_seek())


def test_seek_waits_for_the_fetch_that_is_under_way(loop: asyncio.AbstractEventLoop, consumer: Any) -> None:
    assert MethodQueue().num_workers > 1, "else the thread itself does one after the other"
    order: list[str] = []
    may_end = asyncio.Event()

    async def getmany(active: set[TP], timeout: float) -> dict[TP, list[Any]]:
        order.append("fetch begins")
        await may_end.wait()
        order.append("fetch ends")
        return {}

    async def seek_wait(positions: Mapping[TP, int]) -> None:
        order.append(f"seek {positions[FIRST]}")

    async def run() -> None:
        consumer._getmany, consumer.seek_wait = getmany, seek_wait
        fetching = asyncio.create_task(taken(consumer))
        while not order:
            await asyncio.sleep(0)
        seeking = asyncio.create_task(consumer.go_on_from({FIRST: 3}))
        for _ in range(10):
            await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(fetching, seeking)

    loop.run_until_complete(run())
    assert order == ["fetch begins", "fetch ends", "seek 3"]


def test_records_fetched_for_another_position_are_thrown_away() -> None:
    state = SimpleNamespace(paused=False, position=3)
    assignment = SimpleNamespace(active=True, state_value=lambda tp: state)
    records = SimpleNamespace(next_fetch_offset=9)
    result = fetcher.FetchResult(FIRST, assignment=assignment, partition_records=records, backoff=0)
    assert result.getall() == []


def test_group_is_shown_what_the_tasks_have_committed(
    loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine
) -> None:
    """Not what was acknowledged: a delivery is, as soon as it is handed to its task."""
    committed: list[Mapping[TP, int]] = []

    async def commit(offsets: Mapping[TP, int]) -> bool:
        committed.append(offsets)
        return True

    async def flush() -> None: ...

    consumer._thread.assignment, consumer._thread.commit = lambda: {FIRST, SECOND}, commit
    consumer.app.producer.flush = flush
    consumer._acked[FIRST].extend([10, 11, 12])
    engine.committed = {("in", 0): 7}
    loop.run_until_complete(consumer.force_commit())
    assert committed == [{FIRST: 7}]
    assert consumer._acked[FIRST] == []
    loop.run_until_complete(consumer.force_commit())
    assert len(committed) == 1, "what has not moved is not committed again"


def test_tasks_are_drained_before_the_consumer_thread_stops(
    loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine
) -> None:
    class Child(Service):
        async def on_stop(self) -> None:
            engine.calls.append("thread stopped")

    class Parent(Service):
        def __post_init__(self) -> None:
            self.child = self.add_dependency(Child())

        async def on_stop(self) -> None:
            await engine.drain()

    async def run() -> None:
        parent = Parent()
        await parent.start()
        await parent.stop()

    loop.run_until_complete(run())
    assert engine.calls == ["drained", "thread stopped"]
    assert consumer._thread in consumer._children


def test_fetching_has_ended_before_the_consumer_stops() -> None:
    assert "self._stop_consumer()" in inspect.getsource(App.on_stop)
    assert "self._stop_fetcher()" in inspect.getsource(App._stop_consumer)


def test_stopping_consumer_drains_the_tasks_and_does_not_wait_long_for_its_last_commit(
    loop: asyncio.AbstractEventLoop, consumer: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def commit_and_end_transactions() -> None:
        engine.calls.append("last commit")
        await asyncio.Event().wait()

    monkeypatch.setattr("headrace.streams.faust_batches._LAST_COMMIT_S", 0.01)
    consumer.app.conf.stream_wait_empty = False
    consumer.commit_and_end_transactions = commit_and_end_transactions
    loop.run_until_complete(asyncio.wait_for(consumer.on_stop(), 10))
    assert engine.calls == ["drained", "last commit"]


def test_thread_ends_though_aiokafka_is_cancelled_while_it_waits_for_a_broker(
    loop: asyncio.AbstractEventLoop, consumer: Any
) -> None:
    async def stop() -> None:
        raise asyncio.CancelledError

    consumer._thread._consumer = SimpleNamespace(stop=stop)
    loop.run_until_complete(consumer._thread.on_thread_stop())


def test_records_come_as_the_parser_made_them(app: BatchApp) -> None:
    assert app.transport, "making it is what puts our class in place"
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10_000,
    )
    builder.append(0, timestamp=1_700, key=b"k", value=b"v", headers=[("h", b"1")])
    parsed = fetcher.PartitionRecords(FIRST, MemoryRecords(bytes(builder.build())), [], 0, None, None, False, 1)
    (found,) = list(parsed)
    assert not isinstance(found, aiokafka.ConsumerRecord)
    assert (found.offset, found.timestamp, found.key, found.value) == (0, 1_700, b"k", b"v")
    assert list(found.headers) == [("h", b"1")]
    assert hasattr(found, "timestamp_type")
