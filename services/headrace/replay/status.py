"""How far a replay is, and what it wrote beside what the live service wrote in the same time."""

from collections.abc import Mapping
from typing import NamedTuple

from headrace.range_reader import RangeReader
from headrace.replay.groups import Group
from headrace.replay.plan import Plan, Ranges
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import Replay
from headrace.replay.versioned_topics import VersionedTopics

_READ_RECORDS = 10_000


class PartitionStatus(NamedTuple):
    """How far a partition of an input is; offsets."""

    topic: str
    partition: int
    start: int
    position: int
    end: int


class OutputCount(NamedTuple):
    """Committed records of an output topic; None where the topic is gone."""

    topic: str
    replayed: int | None
    live: int | None


def partition_status(replay: Replay, plan: Plan) -> list[PartitionStatus]:
    """How far each partition of the inputs is replayed, by the last checkpoint."""
    ranges = {(topic, number): found for topic, each in plan.ranges.items() for number, found in enumerate(each)}
    done: Mapping[tuple[str, int], int] = {at: end for at, (_, end) in ranges.items()}
    if plan.phase == "replaying":
        done = Group(replay.brokers, replay.topology.name).committed(ranges)
    return [PartitionStatus(*at, start, max(start, done.get(at, start)), end) for at, (start, end) in ranges.items()]


def output_counts(replay: Replay, plan: Plan) -> list[OutputCount]:
    """Counts the records of each output: all of the replay's, and those that live topics got in the range's time.

    All of them are read for it, as offsets count what transactions and compaction leave too.
    """
    found = VersionedTopics(replay.brokers).existing([*replay.copied, *replay.copied.values()])
    return [
        OutputCount(
            live,
            _count(replay.brokers, find_ranges(replay.brokers, [own], 0, None)) if own in found else None,
            _count(replay.brokers, _in_time(replay.brokers, live, plan)) if live in found else None,
        )
        for live, own in replay.copied.items()
    ]


def _in_time(brokers: str, topic: str, plan: Plan) -> Ranges:
    return find_ranges(brokers, [topic], plan.since_us, plan.until_us)


def _count(brokers: str, ranges: Ranges) -> int:
    count = 0
    for topic, partitions in ranges.items():
        for number, (start, end) in enumerate(partitions):
            reader = RangeReader(brokers, topic, number)
            try:
                reader.start(start, end)
                while not reader.is_done:
                    count += len(reader.read(_READ_RECORDS))
            finally:
                reader.close()
    return count
