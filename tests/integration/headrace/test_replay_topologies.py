"""Replays of topologies with several stages and several inputs, and of an input that its retention has cut."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.kafka import Producer
from headrace.range_reader import RangeReader
from headrace.replay.drop_replay import drop_replay
from headrace.replay.pace import Pace
from headrace.replay.partition_replay import Shared
from headrace.replay.plans import Plans
from headrace.replay.ranges import find_ranges
from headrace.replay.replay_run import ReplayRun
from headrace.replay.replayable import Replay, Replayable
from headrace.replay.stage_replay import OnProgress, Outcome
from headrace.replay.start_replay import start_replay
from headrace.streams import Batch, OutRecord
from headrace.streams.batch import Cell
from headrace.streams.topology import Stage, Topology
from tests.integration.headrace.copying_worker import Copying

PARTITIONS = 2
pytestmark = pytest.mark.integration


class Nothing:
    """State of rules that remember nothing."""

    def take_changes(self) -> Iterable[Cell]:
        return ()

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        """There are none."""

    def __len__(self) -> int:
        return 0


class Rekeying:
    """Value `KEY:NUMBER` goes on under the number modulo 5."""

    state_schema = "none/1"

    def __init__(self, target: str) -> None:
        self._target = target

    def new_state(self) -> Nothing:
        return Nothing()

    def process(self, state: Nothing, batch: Batch) -> list[OutRecord]:
        numbers = [int((value or b"").split(b":")[1]) for value in batch.values]
        return [OutRecord(self._target, b"%d" % (number % 5), b"%d" % number) for number in numbers]

    def on_idle(self, state: Nothing, now_us: int) -> list[OutRecord]:
        return []


class Latest(Nothing):
    """The newest value of a table, which is kept in one cell."""

    value = b"none"

    def take_changes(self) -> Iterable[Cell]:
        return [(b"latest", self.value)]

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        self.value = cells.get(b"latest", b"none")


class Joining:
    """Each record of the stream with the table's newest value."""

    state_schema = "latest/1"

    def __init__(self, table: str, target: str) -> None:
        self._table, self._target = table, target

    def new_state(self) -> Latest:
        return Latest()

    def process(self, state: Latest, batch: Batch) -> list[OutRecord]:
        if batch.topic == self._table:
            state.value = batch.values[-1] or b""
            return []
        return [OutRecord(self._target, None, (value or b"") + b"=" + state.value) for value in batch.values]

    def on_idle(self, state: Latest, now_us: int) -> list[OutRecord]:
        return []


class Replayed:
    """A replay of a topology up to now."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.one = uuid4().hex[:8]
        self.name = f"r{self.one}"
        self.admin = AdminClient({"bootstrap.servers": brokers})
        self.replay: Replay | None = None

    def make(self, *names: str, partitions: int = PARTITIONS) -> list[str]:
        topics = [f"{name}-{self.one}" for name in names]
        for future in self.admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics]).values():
            future.result()
        return topics

    def produce(self, topic: str, *values: bytes) -> None:
        producer = Producer(self.brokers, "test")
        for value in values:
            producer.produce(topic, value, value.split(b":")[0])
        producer.flush(30)

    def begin(self, topology: Topology, since: str = "start") -> None:
        service = Replayable(topology, "", "VERSION", lambda on_failure: nullcontext())
        self.replay = Replay(self.brokers, service, self.name)
        self.plan = start_replay(self.replay, topology.inputs()[0], since, "now", SystemClock())

    def run(self) -> Outcome:
        assert self.replay
        run = ReplayRun(self.replay, _unseen, Shared(Pace(None)))
        return run.run(self.plan.ranges, self.plan.topic_ids, self.plan.until_us)

    def values(self, topic: str) -> list[bytes]:
        found = []
        for number, (start, end) in enumerate(find_ranges(self.brokers, [topic], 0, None)[topic]):
            reader = RangeReader(self.brokers, topic, number)
            reader.start(start, end)
            while not reader.is_done:
                found += [message.value() or b"" for message in reader.read()]
            reader.close()
        return found


@contextmanager
def _unseen(name: str, total: int) -> Iterator[OnProgress]:
    yield lambda done: None


@pytest.fixture
def replayed(stack: Stack) -> Iterator[Replayed]:
    replayed = Replayed(stack.brokers)
    yield replayed
    if replayed.replay:
        drop_replay(replayed.replay, Plans(stack.brokers).load())


def stage(name: str, inputs: tuple[str, ...], rules: Any, target: str, changelog: str) -> Stage:
    return Stage(name, inputs, rules, (target,), changelog)


def test_stages_follow_each_other_through_an_internal_topic_of_the_replay(replayed: Replayed) -> None:
    source, inner, target, first, second = replayed.make("in", "inner", "out", "first", "second")
    replayed.produce(source, *(b"k%d:%d" % (number % 7, number) for number in range(1_000)))
    stages = (
        stage("count", (inner,), Copying(target), target, second),
        stage("rekey", (source,), Rekeying(inner), inner, first),
    )
    replayed.begin(Topology(f"app-{replayed.one}", stages))
    assert replayed.run().is_complete
    values = [tuple(map(int, value.split(b":"))) for value in replayed.values(f"{target}.{replayed.name}")]
    assert sorted(number for number, _ in values) == list(range(1_000))
    for item in range(5):
        assert sorted(count for number, count in values if number % 5 == item) == list(range(1, 201))
    assert replayed.values(inner) == replayed.values(target) == []
    assert replayed.run().is_complete
    assert len(replayed.values(f"{target}.{replayed.name}")) == 1_000


def test_inputs_of_a_stage_come_in_the_order_of_their_append_times(replayed: Replayed) -> None:
    stream, table, target, changelog = replayed.make("stream", "table", "out", "changes", partitions=1)
    for value in (b"1", b"2", b"3"):
        replayed.produce(table, value)
        replayed.produce(stream, b"a" + value, b"b" + value)
    topology = Topology(
        f"app-{replayed.one}", (stage("join", (stream, table), Joining(table, target), target, changelog),)
    )
    replayed.begin(topology)
    replayed.run()
    assert replayed.values(f"{target}.{replayed.name}") == [b"a1=1", b"b1=1", b"a2=2", b"b2=2", b"a3=3", b"b3=3"]


def test_table_is_replayed_from_its_beginning_where_its_stream_is_not(replayed: Replayed) -> None:
    stream, table, target, changelog = replayed.make("stream", "table", "out", "changes", partitions=1)
    replayed.produce(table, b"1")
    replayed.produce(stream, b"early")
    time.sleep(0.002)  # Append times are milliseconds.
    since = datetime.now(UTC).isoformat()
    replayed.produce(stream, b"late")
    joined = replace(stage("join", (stream, table), Joining(table, target), target, changelog), tables=(table,))
    replayed.begin(Topology(f"app-{replayed.one}", (joined,)), since)
    replayed.run()
    assert replayed.values(f"{target}.{replayed.name}") == [b"late=1"]


def test_what_retention_deletes_before_it_is_read_is_counted_and_the_rest_replayed(replayed: Replayed) -> None:
    source, target, changelog = replayed.make("in", "out", "changes", partitions=1)
    replayed.produce(source, *(b"k:%d" % number for number in range(100)))
    replayed.begin(Topology(f"app-{replayed.one}", (stage("copy", (source,), Copying(target), target, changelog),)))
    for future in replayed.admin.delete_records([TopicPartition(source, 0, 30)]).values():
        future.result()
    outcome = replayed.run()
    assert (outcome.is_complete, outcome.lost, outcome.records) == (True, 30, 70)
    assert replayed.values(f"{target}.{replayed.name}")[0] == b"k:30:1"
