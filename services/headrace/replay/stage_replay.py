"""Replays a stage: all of its partitions, as many at a time as one process bears."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from headrace.errors import TransientError
from headrace.range_reader import READ_RECORDS, RangeReader
from headrace.replay.groups import Group
from headrace.replay.lost_producer import explained
from headrace.replay.ordered_inputs import OrderedInputs
from headrace.replay.partition_replay import PartitionReplay, Shared
from headrace.replay.plan import Ranges
from headrace.replay.range_logs import RangeLogs
from headrace.replay.replayable import Replay
from headrace.streams.changelog import KafkaLogs
from headrace.streams.checkpoint import Checkpoint, InputPosition
from headrace.streams.task import OnStep, Progress, Task
from headrace.streams.topology import Stage
from headrace.streams.transaction import KafkaTransactions
from headrace.streams.versions import RenamedOutputs

OnProgress = Callable[[int], None]
"""Told a few times a second how many offsets of the ranges are done."""
_PARTITIONS_AT_A_TIME = 16
log = logging.getLogger(__name__)
_TOLD_EVERY_S = 0.2
_NOTED_EVERY_S = 5.0


@dataclass(frozen=True)
class Outcome:
    """What a replay did.

    Attributes:
        positions: next offset of each (topic, partition).
        is_complete: whether all ranges were read to their ends.
        records: that the rules took, those of aborted transactions included.
        lost: offsets that the brokers deleted before they were read.
    """

    positions: Mapping[tuple[str, int], int]
    is_complete: bool
    records: int
    lost: int

    def joined(self, other: "Outcome") -> "Outcome":
        """This one and what followed."""
        return Outcome(
            {**self.positions, **other.positions},
            self.is_complete and other.is_complete,
            self.records + other.records,
            self.lost + other.lost,
        )


class StageReplay:
    """Runs one stage of a replay.

    Args:
        ranges: of the stage's inputs.
        topic_ids: of those inputs.
        until_us: see `PartitionReplay`.
    """

    def __init__(
        self,
        replay: Replay,
        stage: Stage,
        ranges: Ranges,
        topic_ids: Mapping[str, str],
        until_us: int,
        shared: Shared,
        on_step: OnStep,
    ) -> None:
        self._replay = replay
        self._stage = stage
        self._ranges = ranges
        self._topic_ids = topic_ids
        self._until_us = until_us
        self._shared = shared
        self._on_step = on_step
        self._group = Group(replay.brokers, replay.topology.name)
        self._parts: dict[int, PartitionReplay] = {}
        self._note_at = 0.0

    def run(self, on_progress: OnProgress) -> Outcome:
        """Works until all is done, or `shared.stop` is set, or one partition fails, which stops the others.

        Raises:
            TransientError: Kafka did not come back, or another process has taken the replay over.
        """
        numbers = range(len(self._ranges[self._stage.inputs[0]]))
        with ThreadPoolExecutor(_PARTITIONS_AT_A_TIME, thread_name_prefix="replay") as pool:
            futures = [pool.submit(self._run_partition, number) for number in numbers]
            try:
                self._watch(futures, on_progress)
            except BaseException:
                self._shared.stop.set()
                raise
        with explained():
            for future in futures:
                future.result()
        return self._outcome(len(futures))

    def _watch(self, futures: Iterable[Future[None]], on_progress: OnProgress) -> None:
        pending: set[Future[None]] = set(futures)
        while pending:
            done, pending = wait(pending, _TOLD_EVERY_S, FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self._shared.stop.set()
            if self._is_known():
                on_progress(self._done())
            self._note_positions(is_last=not pending)

    def _run_partition(self, partition: int) -> None:
        if self._shared.stop.is_set():
            return
        part = self._parts[partition] = self._build(partition)
        part.run()

    def _build(self, partition: int) -> PartitionReplay:
        replay, stage = self._replay, self._stage
        ends = {topic: self._ranges[topic][partition][1] for topic in stage.inputs}
        transactions = KafkaTransactions(replay.brokers, replay.topology.transactional_id(stage, partition))
        progress = Progress()
        task = Task(
            stage,
            partition,
            RenamedOutputs(transactions, replay.names),
            RangeLogs(KafkaLogs(replay.brokers), self._beginning(partition)),
            progress,
            self._on_step,
        )
        readers = [RangeReader(replay.brokers, topic, partition) for topic in stage.inputs]
        inputs = OrderedInputs(readers, self._shared.pace.batch_records(READ_RECORDS))
        return PartitionReplay(task, progress, inputs, ends, self._until_us, self._shared)

    def _beginning(self, partition: int) -> Checkpoint:
        inputs = {
            topic: InputPosition(self._topic_ids[topic], self._ranges[topic][partition][0])
            for topic in self._stage.inputs
        }
        return Checkpoint(inputs, self._stage.rules.state_schema)

    def _note_positions(self, is_last: bool) -> None:
        """Commits to the replay's group how far it is, which only `status` reads."""
        now = time.monotonic()
        if is_last or now >= self._note_at:
            self._note_at = now + _NOTED_EVERY_S
            tasks = [part.task for part in list(self._parts.values())]
            try:
                self._group.commit({(topic, t.partition): at for t in tasks for topic, at in t.committed.items()})
            except TransientError as error:
                log.warning("`status` does not know how far the replay is: %s", error)

    def _is_known(self) -> bool:
        """Whether every partition that is worked on has found where it goes on."""
        parts = list(self._parts.values())
        return bool(parts) and all(part.task.positions for part in parts)

    def _done(self) -> int:
        return sum(
            max(0, min(position, self._ranges[topic][number][1]) - self._ranges[topic][number][0])
            for number, part in list(self._parts.items())
            for topic, position in part.task.positions.items()
        )

    def _outcome(self, partitions: int) -> Outcome:
        parts = list(self._parts.values())
        return Outcome(
            {(topic, part.task.partition): at for part in parts for topic, at in part.task.positions.items()},
            len(parts) == partitions and all(part.is_complete for part in parts),
            sum(part.progress.records for part in parts),
            sum(part.progress.lost_offsets for part in parts),
        )
