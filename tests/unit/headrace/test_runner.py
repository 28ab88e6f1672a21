"""A task takes what comes, commits in time, starts again where it must, and lets go within its time."""

import asyncio
import time

import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.streams.batch import Batch, OutRecord
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.runner import INBOX_BATCHES
from headrace.streams.transaction import AbortRequired, ProducerLost
from headrace.testing import MemoryKafka
from tests.unit.headrace.counting import CHANGELOG, INPUT, OUTPUT, Counting, topology
from tests.unit.headrace.engine_run import NEVER, Run, running

pytestmark = pytest.mark.usefixtures("cells")

STALE = Batch(INPUT, 0, [1_000], [0], [b"k"], [b"stale"], [()])


@pytest.fixture
def kafka() -> MemoryKafka:
    return MemoryKafka(partitions=1)


def send(kafka: MemoryKafka, *values: bytes) -> None:
    for value in values:
        kafka.append(OutRecord(INPUT, b"k", value))


async def until_outputs(run: Run, *expected: bytes) -> None:
    await run.until(lambda: run.outputs() == list(expected), f"{expected}")


def test_what_comes_is_processed_and_committed(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")
            send(kafka, b"b")
            await until_outputs(subject, b"a/1", b"b/2")
            assert subject.failures == []

    asyncio.run(run())


def test_lone_record_is_committed_without_waiting_for_the_longest_interval(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=CheckpointPolicy(min_interval_s=0.0, max_interval_s=3_600.0)) as subject:
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")

    asyncio.run(run())


def test_full_transaction_is_committed_before_its_time(kafka: MemoryKafka) -> None:
    policy = CheckpointPolicy(min_interval_s=3_600.0, max_interval_s=3_600.0, max_bytes=8)

    async def run() -> None:
        async with running(kafka, policy=policy) as subject:
            send(kafka, b"a", b"b", b"c")
            await until_outputs(subject, b"a/1", b"b/2", b"c/3")

    asyncio.run(run())


def test_closing_commits_what_is_open(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=NEVER) as subject:
            send(kafka, b"a")
            await subject.until(lambda: subject.engine.progress.records == 1, "the record")
            assert subject.outputs() == []
        assert subject.outputs() == [b"a/1"]

    asyncio.run(run())


def test_closing_takes_no_longer_than_it_may_while_kafka_is_away(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=NEVER, close_s=0.1) as subject:
            send(kafka, b"a")
            await subject.until(lambda: subject.engine.progress.records == 1, "the record")
            kafka.answers.clear()
            begin = time.monotonic()
        assert time.monotonic() - begin < 5.0
        assert subject.outputs() == []
        assert subject.failures == []
        kafka.answers.set()

    asyncio.run(run())


def test_task_that_is_closed_while_it_takes_over_reads_nothing(kafka: MemoryKafka) -> None:
    kafka.answers.clear()

    async def run() -> None:
        async with running(kafka, close_s=0.1) as subject:
            send(kafka, b"a")
            assert not subject.engine.is_recovered()
        kafka.answers.set()
        assert subject.engine.progress.records == 0
        assert subject.failures == []

    asyncio.run(run())


def test_rules_that_must_wait_get_the_same_records_again(kafka: MemoryKafka) -> None:
    rules = Counting()
    rules.is_away = True

    async def run() -> None:
        async with running(kafka, topology(rules), policy=NEVER, size=1) as subject:
            send(kafka, b"a", b"later", b"b")
            await subject.until(lambda: subject.engine.progress.aborts, "an abort")
            rules.is_away = False
            await subject.until(lambda: subject.engine.progress.records >= 4, "the records again")
        assert subject.outputs() == [b"a/1", b"later/2", b"b/3"]

    asyncio.run(run())


def test_mistake_in_the_rules_ends_the_process_and_commits_nothing(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=NEVER) as subject:
            send(kafka, b"a", b"broken")
            await subject.until(lambda: subject.failures, "the failure")
        (failure,) = subject.failures
        assert isinstance(failure, RuntimeError)
        assert subject.outputs() == subject.outputs(CHANGELOG) == []

    asyncio.run(run())


def test_commit_that_must_be_given_up_is_done_again(kafka: MemoryKafka) -> None:
    kafka.fail_next("commit", AbortRequired("a delivery failed"))

    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")
            send(kafka, b"b")
            await until_outputs(subject, b"a/1", b"b/2")
            assert subject.engine.progress.aborts == 1
            assert subject.failures == []

    asyncio.run(run())


def test_batches_that_wait_behind_a_given_up_transaction_come_after_its_own(kafka: MemoryKafka) -> None:
    kafka.fail_next("commit", AbortRequired("a delivery failed"))

    async def run() -> None:
        async with running(kafka, size=1) as subject:
            await subject.until(subject.engine.wanted, "the task")
            kafka.answers.clear()
            send(kafka, b"a", b"b", b"c")
            await subject.until(lambda: not subject.engine.wanted(), "batches to wait behind the commit")
            kafka.answers.set()
            await until_outputs(subject, b"a/1", b"b/2", b"c/3")

    asyncio.run(run())


def test_record_that_kafka_refuses_gives_up_the_transaction(kafka: MemoryKafka) -> None:
    kafka.fail_next("produce", AbortRequired("the open transaction failed"))

    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")
            assert subject.failures == []

    asyncio.run(run())


@pytest.mark.parametrize("is_done", [False, True])
def test_commit_of_unknown_outcome_ends_the_process_and_the_next_one_finds_out(
    kafka: MemoryKafka, is_done: bool
) -> None:
    kafka.fail_next("commit", ProducerLost("no answer"), is_done=is_done)

    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a")
            await subject.until(lambda: subject.failures, "the failure")
            assert isinstance(subject.failures[0], ProducerLost)
        async with running(kafka) as successor:
            send(kafka, b"b")
            await until_outputs(successor, b"a/1", b"b/2")

    asyncio.run(run())


def test_next_owner_that_is_faster_than_the_goodbye_is_no_failure(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=NEVER) as subject:
            send(kafka, b"a")
            await subject.until(lambda: subject.engine.progress.records == 1, "the record")
            kafka.fence(subject.engine.topology.transactional_id(subject.engine.topology.stages[0], 0))
        assert subject.failures == []
        assert subject.outputs() == []

    asyncio.run(run())


def test_owner_that_was_fenced_ends_its_process(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, size=1) as subject:
            await subject.until(subject.engine.is_recovered, "the task")
            kafka.fence(subject.engine.topology.transactional_id(subject.engine.topology.stages[0], 0))
            kafka.fail_next("produce", AbortRequired("the open transaction failed"))
            send(kafka, b"a")
            send(kafka, b"b")
            await subject.until(lambda: subject.failures, "the failure")
        assert isinstance(subject.failures[0], ProducerLost)
        assert subject.outputs() == []

    asyncio.run(run())


def test_batches_read_before_a_restore_are_dropped(kafka: MemoryKafka) -> None:
    kafka.fail_next("commit", AbortRequired("a delivery failed"))

    async def run() -> None:
        async with running(kafka) as subject:
            await subject.until(subject.engine.wanted, "the task")
            (before,) = subject.engine.wanted().values()
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")
            send(kafka, b"b")
            await until_outputs(subject, b"a/1", b"b/2")
            subject.engine.deliver(STALE, before)
            send(kafka, b"c")
            await until_outputs(subject, b"a/1", b"b/2", b"c/3")

    asyncio.run(run())


def test_input_is_held_back_while_kafka_does_not_take_outputs(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, size=1) as subject:
            await subject.until(subject.engine.wanted, "the task")
            kafka.answers.clear()
            send(kafka, *[b"v"] * 20)
            await subject.until(lambda: not subject.engine.wanted(), "input to be held back")
            # One batch is in the open transaction, and the inbox is full.
            assert subject.source.positions[INPUT, 0] <= 1 + INBOX_BATCHES
            kafka.answers.set()
            await subject.until(lambda: len(subject.outputs()) == 20, "all outputs")

    asyncio.run(run())


def test_restore_is_tried_again_while_kafka_is_away(kafka: MemoryKafka) -> None:
    kafka.fail_next("read_changelog", TransientError("away"))
    kafka.fail_next("describe_inputs", TransientError("away"))

    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a")
            await until_outputs(subject, b"a/1")
            assert subject.failures == []

    asyncio.run(run())


def test_changelog_that_does_not_fit_ends_the_process(kafka: MemoryKafka) -> None:
    kafka.append(OutRecord(CHANGELOG, b"=k", b"1", (), 0))

    async def run() -> None:
        async with running(kafka) as subject:
            await subject.until(lambda: subject.failures, "the failure")
            assert isinstance(subject.failures[0], ConfigurationError)

    asyncio.run(run())


def test_input_deleted_while_it_is_read_is_counted_and_reading_goes_on(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, policy=NEVER) as subject:
            send(kafka, b"a", b"b")
            await subject.until(lambda: subject.engine.progress.records == 2, "the first records")
            for _ in range(5):
                kafka.log(INPUT, 0).end += 1
            kafka.delete_before(INPUT, 0, 7)
            send(kafka, b"c")
            await subject.until(lambda: subject.engine.progress.records == 3, "the record after the hole")
            assert subject.engine.progress.lost_offsets == 5, "what was processed before is not lost"
        assert subject.outputs() == [b"a/1", b"b/2", b"c/3"]
        assert subject.failures == []

    asyncio.run(run())


def test_answer_to_a_question_of_before_the_seek_restarts_nothing(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka) as subject:
            send(kafka, b"a", b"b")
            await until_outputs(subject, b"a/1", b"b/2")
            subject.engine.reread({(INPUT, 0): 1})
            send(kafka, b"c")
            await until_outputs(subject, b"a/1", b"b/2", b"c/3")
            assert subject.engine.progress.aborts == 0

    asyncio.run(run())


def test_idle_rules_run_after_a_quiet_while_and_what_they_say_is_committed(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, idle_after_s=0.05) as subject:
            send(kafka, b"a", b"b")
            await subject.until(lambda: subject.outputs("idle"), "what is due")
            assert subject.outputs("idle")[0] == b"2"
            assert subject.outputs() == [b"a/1", b"b/2"]

    asyncio.run(run())


def test_idle_rules_do_not_run_while_records_come(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, idle_after_s=3_600.0) as subject:
            send(kafka, b"a", b"b")
            await until_outputs(subject, b"a/1", b"b/2")
            assert subject.outputs("idle") == []

    asyncio.run(run())


def test_outputs_of_one_topic_are_in_input_order(kafka: MemoryKafka) -> None:
    async def run() -> None:
        async with running(kafka, size=3) as subject:
            send(kafka, *[b"v%d" % n for n in range(50)])
            await subject.until(lambda: len(subject.outputs()) == 50, "all outputs")
            assert subject.outputs(OUTPUT) == [b"v%d/%d" % (n, n + 1) for n in range(50)]

    asyncio.run(run())
