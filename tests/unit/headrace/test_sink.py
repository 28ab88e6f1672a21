"""The runner of a sink: what is committed, what is offered again, and what is given up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.errors import DeliveryError, Reason, SinkBackpressure, TerminalError, TransientError
from headrace.kafka import OnPartitions
from headrace.refusal import Refusal
from headrace.sink import Limits, Sink, SinkConsumer, SinkRunner, healthy_turn, is_writing
from headrace.streams.batch import Batch
from headrace.testing import FakeClock, FakeProducer

TOPIC = "readings.clean"


@dataclass
class FakeMessage:
    """What the runner reads of librdkafka's message, which can't be made in Python."""

    number: int
    body: bytes

    def __len__(self) -> int:
        return len(self.body)

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return 2, 1_700_000_000_000

    def key(self) -> bytes:
        return b"main/m"

    def value(self) -> bytes:
        return self.body

    def headers(self) -> list[tuple[str, bytes]]:
        return [("schema", b"reading.v1")]


@dataclass
class FakeConsumer:
    """A consumer of partitions 0 and 1 whose polls are scripted; it moves the clock as a poll does, and ends the run
    when the script is over."""

    clock: FakeClock
    script: list[Callable[["FakeConsumer"], dict[int, list[int]]]] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None
    on_assign: OnPartitions = lambda partitions: None
    on_revoke: OnPartitions = lambda partitions: None
    committed: list[dict[int, int]] = field(default_factory=list)
    refuse_commits: int | None = None
    paused: bool = False
    closed: bool = False

    def open(self, on_assign: OnPartitions, on_revoke: OnPartitions) -> SinkConsumer:
        self.on_assign, self.on_revoke = on_assign, on_revoke
        on_assign(self.assignment())
        return self

    def poll_batch(self, max_records: int, timeout: float) -> dict[tuple[str, int], list[Any]]:
        self.clock.advance(max(timeout, 0.01))
        if not self.script:
            self.stop()
            return {}
        found = self.script.pop(0)(self)
        return {
            (TOPIC, number): [FakeMessage(offset, b"%d" % offset) for offset in offsets]
            for number, offsets in found.items()
        }

    def commit(self, offsets: Sequence[TopicPartition]) -> None:
        if self.refuse_commits is not None:
            raise KafkaException(KafkaError(self.refuse_commits))
        self.committed.append({found.partition: found.offset for found in offsets})

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused = True

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused = False

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)]

    def lag(self) -> dict[tuple[str, int], int]:
        return {}

    def close(self) -> None:
        self.closed = True


class ScriptedSink(Sink):
    """Raises what it is told to, one thing a write, and then writes all but what is `poison`."""

    def __init__(self, *failures: Exception, setups: Sequence[Exception] = (), poison: bytes = b"") -> None:
        self.failures = list(failures)
        self.setups = list(setups)
        self.poison = poison
        self.offered: list[dict[int, list[int]]] = []
        self.closed = False

    def setup(self) -> None:
        if self.setups:
            raise self.setups.pop(0)

    def write(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        self.offered.append({batch.partition: list(batch.offsets) for batch in batches})
        if self.failures:
            raise self.failures.pop(0)
        refused = TerminalError(Reason.INVALID_RECORD, "poison")
        return [
            Refusal(batch, index, refused)
            for batch in batches
            for index, value in enumerate(batch.values)
            if value == self.poison
        ]

    def close(self) -> None:
        self.closed = True


def records(**partitions: list[int]) -> Callable[[FakeConsumer], dict[int, list[int]]]:
    return lambda consumer: {int(name[1:]): offsets for name, offsets in partitions.items()}


def run(
    sink: ScriptedSink,
    *script: Callable[[FakeConsumer], dict[int, list[int]]],
    writer: FakeProducer | None = None,
    refuse_commits: int | None = None,
) -> tuple[FakeConsumer, SinkRunner]:
    clock = FakeClock()
    consumer = FakeConsumer(clock, list(script), refuse_commits=refuse_commits)
    limits = Limits(linger=0.2, least_pause=0.001, longest_pause=0.002)
    runner = SinkRunner(sink, consumer.open, writer or FakeProducer(), "test.write", clock, limits)
    consumer.stop = runner.stop
    runner.run()
    return consumer, runner


def test_what_is_written_is_committed() -> None:
    sink = ScriptedSink()
    consumer, runner = run(sink, records(p0=[5, 6], p1=[9]))
    assert sink.offered == [{0: [5, 6], 1: [9]}]
    assert consumer.committed == [{0: 7, 1: 10}]
    assert consumer.closed
    assert sink.closed
    assert runner.progress.records == {TOPIC: 3}


def test_a_run_after_an_error_begins_with_nothing_of_the_one_before() -> None:
    clock = FakeClock()
    sink = ScriptedSink(RuntimeError("a bug"))
    consumer = FakeConsumer(clock, [records(p0=[1, 2])])
    runner = SinkRunner(sink, consumer.open, FakeProducer(), "test.write", clock)
    with pytest.raises(RuntimeError):
        runner.run()
    consumer.script.append(records(p1=[4]))
    consumer.stop = runner.stop
    runner.run()
    assert sink.offered == [{0: [1, 2]}, {1: [4]}]
    assert consumer.committed == [{1: 5}]


@pytest.mark.parametrize("failure", [TransientError("away"), SinkBackpressure("busy", retry_after=0.5)])
def test_a_failure_pauses_and_offers_the_same_again_before_anything_is_committed(failure: Exception) -> None:
    sink = ScriptedSink(failure, failure)
    seen: list[tuple[bool, int]] = []

    def watch(consumer: FakeConsumer) -> dict[int, list[int]]:
        seen.append((consumer.paused, len(consumer.committed)))
        return {}

    consumer, runner = run(sink, records(p0=[1, 2]), *[watch] * 8)
    assert sink.offered == [{0: [1, 2]}] * 3
    assert seen[0] == (True, 0)
    assert consumer.committed == [{0: 3}]
    assert not consumer.paused
    assert runner.progress.retries == 2
    assert runner.progress.held_since is None


def test_backpressure_is_given_the_time_it_asks_for() -> None:
    sink = ScriptedSink(SinkBackpressure("busy", retry_after=60.0))
    consumer, runner = run(sink, records(p0=[1]), *[records()] * 3)
    assert len(sink.offered) == 1
    assert consumer.committed == []
    assert is_writing(runner.progress, consumer.clock, longest=0.1) == "writes are held back: busy"


def test_a_revoked_partition_is_dropped_and_neither_written_nor_committed() -> None:
    sink = ScriptedSink(TransientError("away"))

    def revoke(consumer: FakeConsumer) -> dict[int, list[int]]:
        consumer.on_revoke([TopicPartition(TOPIC, 0)])
        return {0: [3]}

    consumer, _ = run(sink, records(p0=[1, 2], p1=[7]), revoke, *[records()] * 3)
    assert sink.offered[-1] == {1: [7]}
    assert consumer.committed == [{1: 8}]


def test_a_refused_record_is_a_dead_letter_before_the_commit() -> None:
    writer = FakeProducer()
    consumer, runner = run(ScriptedSink(poison=b"6"), records(p0=[5, 6, 7]), writer=writer)
    (letter,) = writer.of_topic("deadletters")
    assert letter.value == b"6"
    assert letter.headers["deadletter.offset"] == b"6"
    assert letter.headers["deadletter.stage"] == b"test.write"
    assert consumer.committed == [{0: 8}]
    assert runner.progress.refused == {"invalid_record": 1}


def test_an_unconfirmed_dead_letter_holds_the_commit_back() -> None:
    writer = FakeProducer(failing=True)
    consumer, _ = run(ScriptedSink(poison=b"6"), records(p0=[6]), *[records()] * 3, writer=writer)
    assert consumer.committed == []
    assert isinstance(DeliveryError(1, []), TransientError)


def test_any_other_error_ends_the_run_without_a_commit() -> None:
    sink = ScriptedSink(ValueError("a bug"))
    clock = FakeClock()
    consumer = FakeConsumer(clock, [records(p0=[1])])
    with pytest.raises(ValueError, match="a bug"):
        SinkRunner(sink, consumer.open, FakeProducer(), "test.write", clock).run()
    assert consumer.committed == []
    assert consumer.closed
    assert sink.closed


@pytest.mark.parametrize("code", [KafkaError.ILLEGAL_GENERATION, KafkaError._WAIT_COORD, KafkaError._TRANSPORT])
def test_a_commit_that_a_rebalance_or_an_absent_broker_refuses_is_no_failure(code: int) -> None:
    _, runner = run(ScriptedSink(), records(p0=[1]), refuse_commits=code)
    assert runner.progress.commits_refused == 1


def test_a_commit_that_may_never_succeed_ends_the_run() -> None:
    with pytest.raises(KafkaException):
        run(ScriptedSink(), records(p0=[1]), refuse_commits=KafkaError.GROUP_AUTHORIZATION_FAILED)


def test_a_store_that_is_not_there_yet_is_waited_for() -> None:
    sink = ScriptedSink(setups=[TransientError("starting"), TransientError("starting")])
    consumer, runner = run(sink, records(p0=[1]))
    assert consumer.committed == [{0: 2}]
    assert is_writing(runner.progress, consumer.clock, longest=1.0) is None


def test_a_runner_that_does_not_come_round_is_not_healthy() -> None:
    consumer, runner = run(ScriptedSink())
    assert healthy_turn(runner.progress, consumer.clock, longest=5.0) is None
    consumer.clock.advance(60)
    assert healthy_turn(runner.progress, consumer.clock, longest=5.0) == "no turn for 60 s"
