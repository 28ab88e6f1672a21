"""Runs a topology without a broker, with hand-moved time and chosen batch boundaries, on the code that runs it live.

>>> driver = TopologyDriver(topology)
>>> driver.send("readings.raw", b"default/pump", b"...")
>>> driver.run()
>>> [record.value for record in driver.outputs("readings.clean")]

Between `process` and `checkpoint` outputs are in an open transaction, so nobody sees them, later stages included, and
`crash` undoes them: what was processed since the last checkpoint comes again. `run` does both until all is processed.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, repeat

from headrace.errors import TransientError
from headrace.streams.batch import ANY_PARTITION, Batch, Headers, OutRecord, TaskState
from headrace.streams.memory import MemoryKafka, MemoryLogs, MemoryTransactions, StoredRecord, batch_of
from headrace.streams.task import Progress, Task
from headrace.streams.topology import Stage, Topology

Sizes = int | Iterable[int] | None
"""Records of each batch: all alike, or one after the other and then whatever is there, or whatever is there."""


class TopologyDriver:
    """All tasks of a topology on one `MemoryKafka`.

    Args:
        partitions: of every topic.
        now_us: wall clock, which is also the append time of what is sent; microseconds UTC.

    Attributes:
        kafka: topics, changelogs included, and failures to plan.
        progress: what the tasks counted.
    """

    def __init__(self, topology: Topology, partitions: int = 4, now_us: int = 1_700_000_000_000_000) -> None:
        self.topology = topology
        self.kafka = MemoryKafka(partitions, now_us)
        self.progress = Progress()
        self._tasks: dict[tuple[str, int], Task] = {}
        for stage in topology.stages:
            for partition in range(partitions):
                self._start(stage, partition)

    @property
    def now_us(self) -> int:
        return self.kafka.now_us

    def advance(self, seconds: float) -> None:
        """Moves the clock."""
        self.kafka.now_us += round(seconds * 1_000_000)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        at_us: int | None = None,
        partition: int = ANY_PARTITION,
    ) -> StoredRecord:
        """Appends a record to an input; its append time is now unless `at_us` says another one."""
        return self.kafka.append(OutRecord(topic, key, value, headers, partition), at_us)

    def process(self, sizes: Sizes = None) -> int:
        """Gives every task what it has not processed; returns how many records.

        Raises:
            TransientError: rules raised it; their task is back at its last checkpoint.
        """
        each = repeat(sizes) if isinstance(sizes, int) else iter(sizes or ())
        return sum(self._process(task, each) for task in self._tasks.values())

    def checkpoint(self) -> int:
        """Commits what tasks have open; returns how many had something."""
        busy = [task for task in self._tasks.values() if task.has_open_work]
        for task in busy:
            task.prepare()
            task.commit()
        return len(busy)

    def run(self, sizes: Sizes = None) -> None:
        """Processes and commits until nothing is left, through all stages."""
        each = sizes if isinstance(sizes, int) else iter(sizes or ())
        while self.process(each) + self.checkpoint():
            pass

    def idle(self, seconds: float = 0.0) -> None:
        """Moves the clock and lets the rules of every task say what is due since no record came."""
        self.advance(seconds)
        for task in self._tasks.values():
            task.idle(self.now_us)

    def crash(self) -> None:
        """Every task loses its memory and is started again by another owner, from its last checkpoint."""
        for task in list(self._tasks.values()):
            self._start(task.stage, task.partition)

    def outputs(self, topic: str) -> list[StoredRecord]:
        """The committed records of a topic, in order of append."""
        return self.kafka.records(topic)

    def state(self, stage: str, partition: int) -> TaskState:
        """The state of one task."""
        return self._tasks[stage, partition].state

    def _start(self, stage: Stage, partition: int) -> None:
        transactions = MemoryTransactions(self.kafka, self.topology.transactional_id(stage, partition))
        task = Task(stage, partition, transactions, MemoryLogs(self.kafka), self.progress)
        task.take_over()
        task.restore()
        task.catch_up()
        self._tasks[stage.name, partition] = task

    def _process(self, task: Task, sizes: Iterator[int]) -> int:
        count = 0
        try:
            for batch in self._batches(task, sizes):
                task.process(batch)
                count += len(batch)
        except TransientError:
            task.abort()
            task.restore()
            task.catch_up()
            raise
        return count

    def _batches(self, task: Task, sizes: Iterator[int]) -> Iterator[Batch]:
        inputs = (self.kafka.log(topic, task.partition).since(task.positions[topic]) for topic in task.stage.inputs)
        unread = sorted(chain.from_iterable(inputs), key=lambda record: record.sequence)
        for _, run in groupby(unread, key=lambda record: record.topic):
            records = list(run)
            while records:
                size = next(sizes, len(records))
                yield batch_of(records[:size])
                records = records[size:]
