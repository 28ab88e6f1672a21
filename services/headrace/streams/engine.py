"""Runs rules over batches: state per partition, outputs confirmed before anything counts as done.

Guarantee: at least once into Kafka, with the same identities for what is written twice. State that is ahead of what was
confirmed never lives on: a failure between the two ends the process, and the next one starts from the committed offset.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from headrace.clock import Clock
from headrace.errors import DeliveryError
from headrace.kafka import RecordWriter
from headrace.streams.batch import Batch, OutRecord, Rules

State = TypeVar("State")
History = Callable[[str, int, int], Iterator[Batch]]
"""Batches of (topic, partition) before an offset, old ones first, from as far back as the rules' memory reaches."""

FLUSH_WAIT_S = 10.0
log = logging.getLogger(__name__)


@dataclass
class Progress:
    """What an engine did, for metrics."""

    records: int = 0
    batches: int = 0
    outputs: dict[str, int] = field(default_factory=dict)
    rebuilt: int = 0


@dataclass
class _Task(Generic[State]):
    state: State
    next_offset: int
    last_batch: float


class Engine(Generic[State]):
    """Owns the tasks of this process: one per assigned partition of the input topic.

    Args:
        rules: pure rules; their state is made here and dropped when its partition goes.
        writer: where outputs go; its failures are fatal, waiting for the brokers is not.
        history: gives what came before a task's first record, to build the state that a restart lost.
        idle_after: seconds without a record after which `on_idle` runs for a partition.
    """

    def __init__(
        self, rules: Rules[State], writer: RecordWriter, history: History, clock: Clock, idle_after: float = 5.0
    ) -> None:
        self._rules = rules
        self._writer = writer
        self._history = history
        self._clock = clock
        self._idle_after = idle_after
        self._tasks: dict[tuple[str, int], _Task[State]] = {}
        self._turn = asyncio.Lock()
        self._busy_since: float | None = None
        self.progress = Progress()

    def committable_offset(self, topic: str, partition: int) -> int | None:
        """The next offset of a partition whose earlier records are all confirmed."""
        task = self._tasks.get((topic, partition))
        return task.next_offset if task else None

    def done_offsets(self) -> dict[tuple[str, int], int]:
        """The committable offset of each (topic, partition) that has a task."""
        return {key: task.next_offset for key, task in self._tasks.items()}

    async def process(self, batch: Batch) -> None:
        """Takes a batch; returns when its outputs are confirmed."""
        async with self._turn:
            task = await self._task_of(batch)
            batch = _without_done(batch, task.next_offset)
            if not batch.offsets:
                return
            await self._advance(task, batch)

    def busy_for(self) -> float:
        """Seconds that the present batch takes already; 0 between batches."""
        return self._clock.monotonic() - self._busy_since if self._busy_since is not None else 0.0

    async def idle(self) -> None:
        """Runs `on_idle` for the partitions that were quiet for a while; call it every second or so."""
        async with self._turn:
            for task in list(self._tasks.values()):
                if self._clock.monotonic() - task.last_batch >= self._idle_after:
                    await self._write(self._rules.on_idle(task.state, self._clock.now_us()))

    async def forget(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Drops the state of partitions that went: another process may take them further."""
        async with self._turn:
            for partition in partitions:
                self._tasks.pop(partition, None)

    async def _advance(self, task: _Task[State], batch: Batch) -> None:
        self._busy_since = self._clock.monotonic()
        try:
            await self._write(self._rules.process(task.state, batch))
        except BaseException:
            # The state may hold what was not confirmed: records given again would look like repeats and be lost.
            self._tasks.pop((batch.topic, batch.partition), None)
            raise
        finally:
            self._busy_since = None
        task.next_offset = batch.offsets[-1] + 1
        task.last_batch = self._clock.monotonic()
        self.progress.records += len(batch)
        self.progress.batches += 1

    async def _task_of(self, batch: Batch) -> _Task[State]:
        key = (batch.topic, batch.partition)
        task = self._tasks.get(key)
        if task is None:
            state = await asyncio.to_thread(self._rebuild, batch.topic, batch.partition, batch.offsets[0])
            task = self._tasks[key] = _Task(state, batch.offsets[0], self._clock.monotonic())
        return task

    def _rebuild(self, topic: str, partition: int, offset: int) -> State:
        """State as of `offset`, from the history; what the rules give for it was confirmed before, so it is dropped."""
        state = self._rules.new_state()
        count = 0
        for batch in self._history(topic, partition, offset):
            self._rules.process(state, batch)
            count += len(batch)
        self.progress.rebuilt += count
        if count:
            log.info("state rebuilt", extra={"topic": topic, "partition": partition, "records": count})
        return state

    async def _write(self, outputs: list[OutRecord]) -> None:
        if not outputs:
            return
        for record in outputs:
            self._writer.produce(record.topic, record.value, record.key, record.headers)
            self.progress.outputs[record.topic] = self.progress.outputs.get(record.topic, 0) + 1
        await asyncio.to_thread(self._confirm)

    def _confirm(self) -> None:
        """Waits for the brokers as long as it takes: input is held back meanwhile, which is the back-pressure."""
        while True:
            try:
                self._writer.flush(FLUSH_WAIT_S)
                return
            except DeliveryError as error:
                if error.failed:
                    raise
                log.warning("waiting for Kafka to confirm outputs", extra={"unconfirmed": error.unconfirmed})


def _without_done(batch: Batch, next_offset: int) -> Batch:
    """A rebalance may give records again that this task has confirmed already."""
    done = sum(1 for offset in batch.offsets if offset < next_offset)
    if not done:
        return batch
    return Batch(
        batch.topic,
        batch.partition,
        batch.offsets[done:],
        batch.timestamps[done:],
        batch.keys[done:],
        batch.values[done:],
        batch.headers[done:],
    )
