"""The engine counts as done only what Kafka confirmed, and never works on with state that is ahead of it."""

import asyncio
from collections.abc import Iterator

import pytest

from headrace.errors import DeliveryError
from headrace.streams import Batch, OutRecord
from headrace.streams.engine import Engine
from headrace.testing import FakeClock, FakeProducer

PARTITION = ("in", 0)


class Counting:
    """Gives each value with the number of values before it, which only state knows."""

    def new_state(self) -> list[bytes]:
        return []

    def process(self, state: list[bytes], batch: Batch) -> list[OutRecord]:
        outputs = []
        for value in batch.values:
            outputs.append(OutRecord("out", b"k", b"%s/%d" % (value, len(state)), ()))
            state.append(value or b"")
        return outputs

    def on_idle(self, state: list[bytes], now_us: int) -> list[OutRecord]:
        return [OutRecord("idle", b"k", b"%d" % len(state), ())]


def batch(start: int, values: list[bytes]) -> Batch:
    n = len(values)
    return Batch("in", 0, range(start, start + n), [0] * n, [b"k"] * n, values, [()] * n)


def no_history(topic: str, partition: int, before: int) -> Iterator[Batch]:
    return iter(())


def engine(writer: FakeProducer, history: object = no_history, clock: FakeClock | None = None) -> Engine[list[bytes]]:
    return Engine(Counting(), writer, history, clock or FakeClock())  # type: ignore[arg-type]  # histories are plain functions here


def values(writer: FakeProducer, topic: str = "out") -> list[bytes | None]:
    return [record.value for record in writer.of_topic(topic)]


def test_offset_is_committable_after_outputs_are_confirmed() -> None:
    writer = FakeProducer()
    subject = engine(writer)
    assert subject.committable_offset(*PARTITION) is None
    asyncio.run(subject.process(batch(5, [b"a", b"b"])))
    assert values(writer) == [b"a/0", b"b/1"]
    assert subject.committable_offset(*PARTITION) == 7


def test_failed_delivery_raises_and_forgets_the_state_that_is_ahead() -> None:
    writer = FakeProducer(failing=True)
    subject = engine(writer)
    with pytest.raises(DeliveryError):
        asyncio.run(subject.process(batch(5, [b"a"])))
    assert subject.committable_offset(*PARTITION) is None
    writer.failing = False
    writer.records.clear()
    asyncio.run(subject.process(batch(5, [b"a"])))
    assert values(writer) == [b"a/0"], "the record must not be seen as one that was there already"


def test_records_given_again_after_a_rebalance_are_skipped() -> None:
    writer = FakeProducer()
    subject = engine(writer)

    async def run() -> None:
        await subject.process(batch(0, [b"a", b"b"]))
        await subject.process(batch(1, [b"b", b"c"]))
        await subject.process(batch(0, [b"a"]))

    asyncio.run(run())
    assert values(writer) == [b"a/0", b"b/1", b"c/2"]


def test_state_is_rebuilt_from_history_and_its_outputs_are_not_written_again() -> None:
    writer = FakeProducer()

    def history(topic: str, partition: int, before: int) -> Iterator[Batch]:
        assert (topic, partition, before) == ("in", 0, 2)
        yield batch(0, [b"a", b"b"])

    subject = engine(writer, history)
    asyncio.run(subject.process(batch(2, [b"c"])))
    assert values(writer) == [b"c/2"]
    assert subject.progress.rebuilt == 2


def test_revoked_partition_starts_over() -> None:
    writer = FakeProducer()
    subject = engine(writer)

    async def run() -> None:
        await subject.process(batch(0, [b"a"]))
        await subject.forget([PARTITION])
        assert subject.committable_offset(*PARTITION) is None
        await subject.process(batch(9, [b"b"]))

    asyncio.run(run())
    assert values(writer) == [b"a/0", b"b/0"]


def test_idle_rules_run_only_after_a_quiet_while() -> None:
    writer, clock = FakeProducer(), FakeClock()
    subject = engine(writer, clock=clock)

    async def run() -> None:
        await subject.process(batch(0, [b"a"]))
        await subject.idle()
        assert values(writer, "idle") == []
        clock.advance(6)
        await subject.idle()

    asyncio.run(run())
    assert values(writer, "idle") == [b"1"]
