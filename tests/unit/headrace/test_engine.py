"""The engine makes a task for each partition it is given, and ends them together."""

import asyncio
import threading

import pytest

from headrace.streams.batch import Batch, Cells, OutRecord
from headrace.streams.checkpoint import Checkpoint
from headrace.streams.topology import Stage, Topology
from headrace.testing import MemoryKafka, MemoryLogs
from tests.unit.headrace.counting import CHANGELOG, INPUT, OUTPUT, STAGE, Counting
from tests.unit.headrace.engine_run import partitions_of, running

pytestmark = pytest.mark.usefixtures("cells")


@pytest.fixture
def kafka() -> MemoryKafka:
    return MemoryKafka(partitions=2)


def send(kafka: MemoryKafka, partition: int, *values: bytes, topic: str = INPUT) -> None:
    for value in values:
        kafka.append(OutRecord(topic, b"k", value, (), partition))


def test_each_partition_has_a_state_of_its_own(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, 0, b"a", b"b")
            send(kafka, 1, b"c")
            await subject.until(lambda: len(subject.outputs()) == 3, "all outputs")
            assert sorted(subject.outputs(), key=str) == [b"a/1", b"b/2", b"c/1"]
            assert subject.engine.state_keys() == {STAGE: 2}

    asyncio.run(run())


def test_committed_offsets_are_those_of_checkpoints(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, 0, b"a", b"b")
            committed = {(INPUT, 0): 2, (INPUT, 1): 0}
            await subject.until(lambda: subject.engine.committed() == committed, "the checkpoints of both tasks")
            assert len(subject.outputs()) == 2

    asyncio.run(run())


def test_task_that_recovers_slowly_holds_up_no_other(kafka: MemoryKafka) -> None:
    may_read = threading.Event()

    class Slow(MemoryLogs):
        def read_changelog(self, topic: str, partition: int, cells: Cells) -> Checkpoint | None:
            if partition == 0:
                may_read.wait()
            return super().read_changelog(topic, partition, cells)

    async def run() -> None:
        async with running(kafka, logs=Slow(kafka)) as subject:
            send(kafka, 0, b"a")
            send(kafka, 1, b"b")
            await subject.until(lambda: subject.outputs() == [b"b/1"], "the task that has recovered")
            assert not subject.engine.is_recovered()
            may_read.set()
            await subject.until(lambda: subject.outputs() == [b"b/1", b"a/1"], "the other one")
            assert subject.engine.is_recovered()

    asyncio.run(run())


def test_partitions_that_come_back_go_on_where_they_were(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, 0, b"a")
            await subject.until(lambda: subject.outputs() == [b"a/1"], "the first output")
            await subject.engine.revoke()
            assert not subject.engine.wanted()
            assert not subject.engine.committed()
            send(kafka, 0, b"b")
            await subject.engine.assign(partitions_of(kafka), subject.source)
            await subject.until(lambda: subject.outputs() == [b"a/1", b"b/2"], "the second output")
            assert subject.failures == []

    asyncio.run(run())


def test_deliveries_of_an_earlier_assignment_are_dropped(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            await subject.until(lambda: len(subject.engine.wanted()) == 2, "the tasks")
            before = subject.engine.wanted()[INPUT, 0]
            await subject.engine.revoke()
            await subject.engine.assign(partitions_of(kafka), subject.source)
            await subject.until(lambda: len(subject.engine.wanted()) == 2, "the tasks again")
            subject.engine.deliver(Batch(INPUT, 0, [1_000], [0], [b"k"], [b"stale"], [()]), before)
            send(kafka, 0, b"a")
            await subject.until(lambda: subject.outputs() == [b"a/1"], "what is read now")

    asyncio.run(run())


def test_assignment_of_nothing_is_one_that_has_recovered(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            await subject.engine.revoke()
            await subject.engine.assign([], subject.source)
            assert subject.engine.is_recovered()
            assert subject.engine.busy_for() == 0.0

    asyncio.run(run())


BOTH = Topology("joined", (Stage(STAGE, (INPUT, "other"), Counting(), (OUTPUT,), CHANGELOG),))


def test_co_partitioned_inputs_share_one_task(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, BOTH) as subject:
            send(kafka, 0, b"a")
            await subject.until(lambda: subject.outputs() == [b"a/1"], "the first input")
            send(kafka, 0, b"b", topic="other")
            await subject.until(lambda: subject.outputs() == [b"a/1", b"b/2"], "the second input")
            assert subject.engine.committed()["other", 0] == 1

    asyncio.run(run())


def test_stages_follow_each_other_through_their_topic(kafka: MemoryKafka) -> None:
    first = Stage("first", (INPUT,), Counting("between"), ("between",), "first-counts")
    second = Stage("second", ("between",), Counting(), (OUTPUT,), "second-counts")

    async def run() -> None:
        async with running(kafka, Topology("two", (first, second))) as subject:
            send(kafka, 0, b"a", b"b")
            await subject.until(lambda: subject.outputs() == [b"a/1/1", b"b/2/2"], "both stages")

    asyncio.run(run())


def test_task_waits_for_the_input_that_a_worker_of_another_version_has(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, BOTH) as subject:
            await subject.engine.revoke()
            await subject.engine.assign([(INPUT, 0), *partitions_of(kafka, "other")], subject.source)
            send(kafka, 1, b"b")
            send(kafka, 0, b"a")
            await subject.until(lambda: subject.outputs() == [b"a/1"], "the task that has both inputs")
            assert {number for _, number in subject.engine.wanted()} == {0}
            await subject.engine.revoke()
            await subject.engine.assign(partitions_of(kafka) + partitions_of(kafka, "other"), subject.source)
            await subject.until(lambda: subject.outputs() == [b"a/1", b"b/1"], "the other one")

    asyncio.run(run())
