"""The tasks of one process: made when their partitions are assigned, ended when they are revoked.

Guarantee: what a topology writes, its state and its input positions are committed together or not at all, whatever is
killed; a record counts exactly once from topic to topic.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from headrace.clock import Clock
from headrace.streams.batch import Batch
from headrace.streams.changelog import Logs
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.runner import Input, TaskRunner
from headrace.streams.task import OnStep, Progress, Task, no_step
from headrace.streams.topology import Stage, Topology
from headrace.streams.transaction import Transactions

log = logging.getLogger(__name__)

_THREADS = 32
"""More than tasks of a process: one that waits for the brokers holds up no other."""
Partition = tuple[str, int]
Epoch = tuple[int, int]


class Engine:
    """Runs a topology over the partitions that this process has.

    Args:
        new_transactions: makes the producer of a transactional id.
        logs: reads changelogs and describes inputs.
        idle_after_s: seconds without a record after which `on_idle` runs for a task.
        close_s: seconds that a task has to commit when its partitions go.
        on_failure: ends the process; nothing may be committed after it.
        on_step: see `Task`.
    """

    def __init__(
        self,
        topology: Topology,
        new_transactions: Callable[[str], Transactions],
        logs: Logs,
        clock: Clock,
        on_failure: Callable[[BaseException], None],
        policy: CheckpointPolicy | None = None,
        idle_after_s: float = 5.0,
        close_s: float = 5.0,
        on_step: OnStep = no_step,
    ) -> None:
        self.topology = topology
        self.progress = Progress()
        self._new_transactions = new_transactions
        self._logs = logs
        self._clock = clock
        self._on_failure = on_failure
        self._policy = policy or CheckpointPolicy()
        self._idle_after_s = idle_after_s
        self._close_s = close_s
        self._on_step = on_step
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="task")
        self._runners: dict[Partition, TaskRunner] = {}
        self._generation = 0

    def wanted(self) -> dict[Partition, Epoch]:
        """The input partitions whose tasks take another batch, each with the epoch to `deliver` it with."""
        return {at: (self._generation, runner.epoch) for at, runner in self._runners.items() if runner.wants()}

    def deliver(self, batch: Batch, epoch: Epoch) -> None:
        """Hands a batch to its task; one read before a rebalance or a restore is dropped, as it comes again."""
        runner = self._runners.get((batch.topic, batch.partition))
        if runner and epoch[0] == self._generation:
            runner.deliver(batch, epoch[1])

    def reread(self, missing: Mapping[Partition, int]) -> None:
        """Lets tasks start again from their last checkpoint and see where their input begins now.

        Args:
            missing: offsets that were asked for and that the partitions don't hold.
        """
        for (topic, partition), offset in missing.items():
            if runner := self._runners.get((topic, partition)):
                runner.reread(topic, offset)

    async def assign(self, partitions: Iterable[Partition], source: Input) -> None:
        """Starts a task for each partition number of which all inputs of a stage are assigned; returns before they have
        recovered.

        While workers of a version with other inputs are in the group, it may give the inputs of one number to several.
        Such a task begins with the rebalance that comes when they have left.
        """
        self._generation += 1
        numbers: dict[str, set[int]] = defaultdict(set)
        for topic, partition in partitions:
            numbers[topic].add(partition)
        for stage in self.topology.stages:
            for partition in _whole(stage, numbers):
                transactions = self._new_transactions(self.topology.transactional_id(stage, partition))
                task = Task(stage, partition, transactions, self._logs, self.progress, self._on_step)
                runner = TaskRunner(
                    task, source, self._executor, self._clock, self._policy, self._idle_after_s, self._on_failure
                )
                self._runners.update({(topic, partition): runner for topic in stage.inputs})

    async def revoke(self) -> None:
        """Ends all tasks: each commits what is open, within `close_s`, or leaves it to the next owner."""
        self._generation += 1
        runners, self._runners = set(self._runners.values()), {}
        if runners:
            await asyncio.gather(*(runner.close(self._close_s) for runner in runners))

    def committed(self) -> dict[Partition, int]:
        """The next offset of each input partition by the last checkpoint of its task, of those that have recovered."""
        return {at: runner.task.committed[at[0]] for at, runner in self._runners.items() if runner.task.committed}

    def is_recovered(self) -> bool:
        """Whether every task of this process has its state; one without a task has."""
        return all(runner.is_reading for runner in self._runners.values())

    def state_keys(self) -> dict[str, int]:
        """Keys in the state of all tasks, by stage."""
        keys: dict[str, int] = defaultdict(int)
        for runner in set(self._runners.values()):
            keys[runner.task.stage.name] += len(runner.task.state)
        return dict(keys)

    def busy_for(self) -> float:
        """Seconds that the longest present call to the rules takes already."""
        return max((runner.busy_for() for runner in self._runners.values()), default=0.0)


def _whole(stage: Stage, numbers: Mapping[str, set[int]]) -> list[int]:
    """The partition numbers that all inputs of a stage have."""
    of_inputs = [numbers.get(topic, set()) for topic in stage.inputs]
    whole = set.intersection(*of_inputs)
    if parted := set.union(*of_inputs) - whole:
        about = {"stage": stage.name, "partitions": sorted(parted), "inputs": ", ".join(stage.inputs)}
        log.warning("another worker has some of the inputs: partitions wait for those of another version", extra=about)
    return sorted(whole)
