"""An engine on Kafka in memory, with a consumer that reads as Faust's does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from headrace.clock import SystemClock
from headrace.streams.batch import Batch
from headrace.streams.changelog import Logs
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.engine import Engine, Partition
from headrace.streams.memory import batch_of
from headrace.streams.topology import Topology
from headrace.testing import MemoryKafka, MemoryLogs, MemoryTransactions
from tests.unit.headrace.counting import INPUT, OUTPUT, topology

AT_ONCE = CheckpointPolicy(min_interval_s=0.0, max_interval_s=0.0)
NEVER = CheckpointPolicy(min_interval_s=3_600.0, max_interval_s=3_600.0)
_DEADLINE_S = 10.0


class MemoryInput:
    """Gives the engine what it wants, from where its tasks sought."""

    def __init__(self, kafka: MemoryKafka, engine: Engine, size: int) -> None:
        self._kafka = kafka
        self._engine = engine
        self._size = size
        self.positions: dict[Partition, int] = {}

    async def seek(self, positions: Mapping[Partition, int]) -> None:
        self.positions.update(positions)

    async def read(self) -> None:
        while True:
            for at, epoch in self._engine.wanted().items():
                batch = self._next(at)
                if batch:
                    self._engine.deliver(batch, epoch)
            await asyncio.sleep(0.001)

    def _next(self, at: Partition) -> Batch | None:
        log, position = self._kafka.log(*at), self.positions[at]
        if position < log.start:
            self._engine.reread({at: position})
            return None
        records = log.since(position)[: self._size]
        if not records:
            return None
        self.positions[at] = records[-1].offset + 1
        return batch_of(records)


@dataclass
class Run:
    """A running engine, and what it said of its end."""

    kafka: MemoryKafka
    engine: Engine
    source: MemoryInput
    failures: list[BaseException] = field(default_factory=list)

    def outputs(self, topic: str = OUTPUT) -> list[bytes | None]:
        return [record.value for record in self.kafka.records(topic)]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits for a condition on the engine's loop; a failure that is not part of it fails the test."""
        deadline = time.monotonic() + _DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {_DEADLINE_S} s for {what}; outputs {self.outputs()}, {self.failures}")
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(
    kafka: MemoryKafka,
    subject: Topology | None = None,
    *,
    policy: CheckpointPolicy = AT_ONCE,
    logs: Logs | None = None,
    idle_after_s: float = 3_600.0,
    close_s: float = 5.0,
    size: int = 100,
) -> AsyncIterator[Run]:
    """All partitions of a topology in one process, until the end of the block, where they are revoked."""
    failures: list[BaseException] = []
    subject = subject or topology()
    engine = Engine(
        subject,
        lambda name: MemoryTransactions(kafka, name),
        logs or MemoryLogs(kafka),
        SystemClock(),
        failures.append,
        policy,
        idle_after_s,
        close_s,
    )
    source = MemoryInput(kafka, engine, size)
    await engine.assign([(topic, n) for topic in subject.inputs() for n in range(kafka.partitions)], source)
    reading = asyncio.create_task(source.read())
    try:
        yield Run(kafka, engine, source, failures)
    finally:
        reading.cancel()
        await engine.revoke()
        # Threads that still wait would keep the test process.
        kafka.answers.set()


def partitions_of(kafka: MemoryKafka, topic: str = INPUT) -> list[Partition]:
    return [(topic, number) for number in range(kafka.partitions)]
