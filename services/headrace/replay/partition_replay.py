"""Replays one partition of a stage up to given offsets, on a thread of its own."""

import logging
import threading
from collections.abc import Mapping

from headrace.clock import Clock, SystemClock
from headrace.errors import TransientError
from headrace.replay.ordered_inputs import OrderedInputs
from headrace.replay.pace import Pace
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.task import Progress, Task

POLICY = CheckpointPolicy(min_interval_s=1.0, max_interval_s=1.0, max_bytes=8_000_000)
"""Nobody waits for a replay's outputs, so its transactions are long: each costs the brokers the same."""
_ATTEMPTS = 5
_BACK_OFF_S = 1.0
log = logging.getLogger(__name__)


class Shared:
    """What the partitions of one replay have in common.

    Attributes:
        rules: held while the rules work: their object serves all partitions, as in a worker, where one thread has it.
        stop: asks for an end at the next checkpoint.
    """

    def __init__(self, pace: Pace, clock: Clock | None = None) -> None:
        self.pace = pace
        self.clock = clock or SystemClock()
        self.rules = threading.Lock()
        self.stop = threading.Event()


class PartitionReplay:
    """Runs a task over a range of its inputs.

    Args:
        progress: the task's own, so that no two threads count in one.
        ends: offset after the last record of each input.
        until_us: the end of the range in append time: what the rules take for "now" when the range is read.
    """

    def __init__(
        self,
        task: Task,
        progress: Progress,
        inputs: OrderedInputs,
        ends: Mapping[str, int],
        until_us: int,
        shared: Shared,
    ) -> None:
        self.task = task
        self.progress = progress
        self.is_complete = False
        self._inputs = inputs
        self._ends = ends
        self._until_us = until_us
        self._shared = shared
        self._last_checkpoint = 0.0

    def run(self) -> None:
        """Works until the end of the range or until `stop`, and ends with a checkpoint.

        The checkpoint is written even when there is nothing to read: a worker that takes the state over starts there.

        Raises:
            ProducerLost: another process has taken the partition over, or the outcome of a commit is unknown.
            TransientError: Kafka did not come back.
        """
        try:
            self.task.take_over()
            self._repeat()
        finally:
            self.task.close()
            self._inputs.close()

    def _repeat(self) -> None:
        failures, begin = 0, -1
        while True:
            try:
                self.task.restore()
                self._work()
                return
            except TransientError as error:
                self.task.abort()
                at = sum(self.task.positions.values())
                failures = failures + 1 if at <= begin else 1
                begin = max(begin, at)
                if failures >= _ATTEMPTS:
                    raise
                log.warning("a transaction of the replay is given up and done again: %s", error)
                self._shared.stop.wait(_BACK_OFF_S)

    def _work(self) -> None:
        clock, stop, task = self._shared.clock, self._shared.stop, self.task
        self._inputs.start(task.positions, self._ends)
        self._last_checkpoint = clock.monotonic()
        while not (stop.is_set() or self._inputs.is_done):
            self._process()
            now = clock.monotonic()
            if POLICY.wait_s(now, 0.0, self._last_checkpoint, task.open_bytes, is_dry=False) <= 0.0:
                self._checkpoint()
        if self._inputs.is_done:
            self._end()
        self._checkpoint()
        self.is_complete = self._inputs.is_done

    def _process(self) -> None:
        batch = self._inputs.read()
        if batch is None:
            return
        with self._shared.rules:
            self.task.process(batch)
        wait = self._shared.pace.wait_s(len(batch))
        if wait > 0.0:
            self._shared.stop.wait(wait)

    def _end(self) -> None:
        """Says what is due at the end, as a worker would in a quiet moment; offsets without a record are passed."""
        with self._shared.rules:
            self.task.idle(self._until_us)
        for topic, end in self._ends.items():
            self.task.positions[topic] = max(self.task.positions[topic], end)

    def _checkpoint(self) -> None:
        with self._shared.rules:
            self.task.prepare()
        self.task.commit()
        self._last_checkpoint = self._shared.clock.monotonic()
