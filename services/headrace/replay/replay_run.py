"""Runs a replay over given ranges: stage by stage, each when those that write its inputs are done."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from graphlib import TopologicalSorter

from headrace.replay.fence import fence
from headrace.replay.partition_replay import Shared
from headrace.replay.plan import Ranges, offsets_in
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import Replay
from headrace.replay.stage_replay import OnProgress, Outcome, StageReplay
from headrace.replay.versioned_topics import VersionedTopics
from headrace.streams.task import OnStep, no_step
from headrace.streams.topology import Stage, Topology

View = Callable[[str, int], AbstractContextManager[OnProgress]]
"""Shows the progress of something, given by name and number of offsets."""


class ReplayRun:
    """A run of a replay in this process.

    Args:
        shared: its `stop` ends the run at a checkpoint.
        on_step: see `Task`.
    """

    def __init__(self, replay: Replay, view: View, shared: Shared, on_step: OnStep = no_step) -> None:
        self._replay = replay
        self._view = view
        self._shared = shared
        self._on_step = on_step
        self._failures: list[BaseException] = []

    def run(self, ranges: Ranges, topic_ids: dict[str, str], until_us: int) -> Outcome:
        """Works until the ranges of the outer inputs, and all that follows from them, are done or `stop` is set.

        Args:
            topic_ids: of the outer inputs.
            until_us: see `PartitionReplay`.

        Raises:
            TransientError: Kafka did not come back, or another process has taken the replay over.
            ConfigurationError: the state or a topic is not what the rules need.
        """
        outcome = Outcome({}, True, 0, 0)
        with self._replay.service.running(self._fail):
            for stage in _in_order(self._replay.topology):
                if not outcome.is_complete:
                    break
                outcome = outcome.joined(self._run_stage(stage, ranges, topic_ids, until_us))
        if self._failures:
            raise self._failures[0]
        return outcome

    def _run_stage(self, stage: Stage, ranges: Ranges, topic_ids: dict[str, str], until_us: int) -> Outcome:
        # An internal topic is read whole: the stages before have ended, so nobody writes to it any more.
        inner = [topic for topic in stage.inputs if topic not in ranges]
        brokers = self._replay.brokers
        known = {**ranges, **find_ranges(brokers, inner, 0, None)}
        known = {topic: known[topic] for topic in stage.inputs}
        ids = {**topic_ids, **VersionedTopics(brokers).ids(inner)}
        work = StageReplay(self._replay, stage, known, ids, until_us, self._shared, self._on_step)
        with self._view(stage.name, offsets_in(known)) as on_progress:
            outcome = work.run(on_progress)
        if outcome.is_complete:
            # Who reads its outputs next, a stage or a copy, takes their ends for all that there is.
            fence(brokers, self._replay.topology, [stage])
        return outcome

    def _fail(self, error: BaseException) -> None:
        self._failures.append(error)
        self._shared.stop.set()


def _in_order(topology: Topology) -> Iterator[Stage]:
    writers = {topic: stage.name for stage in topology.stages for topic in stage.outputs}
    before = {stage.name: {writers[topic] for topic in stage.inputs if topic in writers} for stage in topology.stages}
    stages = {stage.name: stage for stage in topology.stages}
    yield from (stages[name] for name in TopologicalSorter(before).static_order())
