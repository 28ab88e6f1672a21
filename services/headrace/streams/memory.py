"""Kafka in memory: the partitions and transactions that tasks need, for tests and the topology driver."""

import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from headrace.streams.batch import ANY_PARTITION, Batch, Cells, Headers, OutRecord
from headrace.streams.checkpoint import CELL_PREFIX, RECORD_KEY, Checkpoint, InputLog, decode_checkpoint
from headrace.streams.transaction import ProducerLost

_READ_RECORDS = 20_000


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as a reader of committed records sees it.

    Attributes:
        timestamp: microseconds UTC of the append.
        sequence: rises with every append to any partition.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    sequence: int


@dataclass
class MemoryPartition:
    """One partition: its committed records and where it starts and ends."""

    records: list[StoredRecord] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def since(self, offset: int) -> list[StoredRecord]:
        """The records from an offset on."""
        # Readers are mostly near the end.
        index = len(self.records)
        while index and self.records[index - 1].offset >= offset:
            index -= 1
        return self.records[index:]


class MemoryKafka:
    """Topics in memory; one that is named exists.

    As on brokers, the end of a transaction takes an offset in each partition that it wrote to, an aborted one leaves a
    gap, and who starts a transactional id anew fences its former owners.

    Args:
        partitions: of each topic.
        now_us: append time, microseconds UTC; moved by hand.

    Attributes:
        answers: while it is cleared, calls that wait for the brokers wait.
    """

    def __init__(self, partitions: int = 4, now_us: int = 1_700_000_000_000_000) -> None:
        self.partitions = partitions
        self.now_us = now_us
        self.answers = threading.Event()
        self.answers.set()
        self._logs: dict[tuple[str, int], MemoryPartition] = defaultdict(MemoryPartition)
        self._epochs: dict[str, int] = defaultdict(int)
        self._lives: dict[str, int] = defaultdict(int)
        self._planned: dict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)
        self._sequence = 0

    def log(self, topic: str, partition: int) -> MemoryPartition:
        """One partition; it grows as records are committed."""
        return self._logs[topic, partition]

    def records(self, topic: str) -> list[StoredRecord]:
        """The committed records of all partitions of a topic, in order of append."""
        found = [record for number in range(self.partitions) for record in self.log(topic, number).records]
        return sorted(found, key=lambda record: record.sequence)

    def append(self, record: OutRecord, at_us: int | None = None) -> StoredRecord:
        """Writes a record outside any transaction; it is visible at once."""
        partition = self._partition_of(record)
        log = self.log(record.topic, partition)
        timestamp = self.now_us if at_us is None else at_us
        self._sequence += 1
        stored = StoredRecord(
            record.topic,
            partition,
            log.end,
            timestamp,
            record.key,
            record.value,
            tuple(record.headers),
            self._sequence,
        )
        log.records.append(stored)
        log.end += 1
        return stored

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """What retention does."""
        log = self.log(topic, partition)
        log.records = log.since(offset)
        log.start = max(log.start, offset)

    def compact(self, topic: str) -> None:
        """Keeps the last record of each key and drops tombstones."""
        for partition in range(self.partitions):
            log = self.log(topic, partition)
            last = {record.key: record for record in log.records}
            log.records = [record for record in log.records if record is last[record.key] and record.value is not None]

    def make_again(self, topic: str) -> None:
        """Deletes a topic and creates it again, empty and with another id."""
        self._lives[topic] += 1
        for partition in range(self.partitions):
            self._logs.pop((topic, partition), None)

    def topic_id(self, topic: str) -> str:
        return f"{topic}/{self._lives[topic]}"

    def fail_next(self, call: str, error: Exception, *, is_done: bool = False) -> None:
        """Lets the next call of that name raise.

        Args:
            call: `start`, `produce`, `commit`, `abort`, `read_changelog` or `describe_inputs`.
            is_done: a commit takes effect all the same, and its caller doesn't learn of it.
        """
        self._planned[call].append((error, is_done))

    def cancel_failures(self) -> None:
        """Drops what is planned and has not come."""
        self._planned.clear()

    def wait_for_answer(self, call: str) -> Exception | None:
        """As `begin`, for calls that wait for the brokers: for as long as `answers` is not set."""
        self.answers.wait()
        return self.begin(call)

    def begin(self, call: str) -> Exception | None:
        """Raises what is planned for a call.

        Returns:
            What its caller raises when it is done.
        """
        if not self._planned[call]:
            return None
        error, is_done = self._planned[call].popleft()
        if not is_done:
            raise error
        return error

    def fence(self, transactional_id: str) -> int:
        """Gives a transactional id to a new owner; returns its epoch."""
        self._epochs[transactional_id] += 1
        return self._epochs[transactional_id]

    def check_epoch(self, transactional_id: str, epoch: int) -> None:
        """Raises ProducerLost for a former owner."""
        if epoch != self._epochs[transactional_id]:
            raise ProducerLost(f"{transactional_id} has another owner")

    def end_transaction(self, records: Sequence[OutRecord], is_commit: bool) -> None:
        """Writes all of them, or leaves the gap of an aborted transaction."""
        placed = [record._replace(partition=self._partition_of(record)) for record in records]
        for record in placed:
            if is_commit:
                self.append(record)
            else:
                self.log(record.topic, record.partition).end += 1
        for topic, partition in {(record.topic, record.partition) for record in placed}:
            self.log(topic, partition).end += 1

    def _partition_of(self, record: OutRecord) -> int:
        if record.partition != ANY_PARTITION:
            if record.partition >= self.partitions:
                raise ValueError(f"{record.topic} has {self.partitions} partitions, not {record.partition + 1}")
            return record.partition
        return zlib.crc32(record.key or b"") % self.partitions


class MemoryTransactions:
    """The `Transactions` of a task on a `MemoryKafka`."""

    def __init__(self, kafka: MemoryKafka, transactional_id: str) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._epoch = 0
        self._open: list[OutRecord] = []

    def start(self) -> None:
        self._kafka.wait_for_answer("start")
        self._epoch = self._kafka.fence(self._id)

    def produce(self, records: Iterable[OutRecord]) -> None:
        for record in records:
            self._kafka.begin("produce")
            self._open.append(record)

    def commit(self) -> None:
        error = self._kafka.wait_for_answer("commit")
        self._end(is_commit=True)
        if error:
            raise error

    def abort(self) -> None:
        self._kafka.wait_for_answer("abort")
        self._end(is_commit=False)

    def close(self) -> None:
        self._open = []

    def _end(self, is_commit: bool) -> None:
        if not self._open:
            return
        self._kafka.check_epoch(self._id, self._epoch)
        self._kafka.end_transaction(self._open, is_commit)
        self._open = []


class MemoryLogs:
    """The `Logs` of a `MemoryKafka`."""

    def __init__(self, kafka: MemoryKafka) -> None:
        self._kafka = kafka

    def read_changelog(self, topic: str, partition: int, cells: Cells) -> Checkpoint | None:
        self._kafka.wait_for_answer("read_changelog")
        content: dict[bytes, bytes | None] = {}
        for record in self._kafka.log(topic, partition).records:
            content[record.key or b""] = record.value
        checkpoint = content.pop(RECORD_KEY, None)
        cells.update({key.removeprefix(CELL_PREFIX): value for key, value in content.items() if value is not None})
        return decode_checkpoint(checkpoint) if checkpoint else None

    def describe_inputs(self, topics: Sequence[str], partition: int) -> dict[str, InputLog]:
        self._kafka.wait_for_answer("describe_inputs")
        return {
            topic: InputLog(self._kafka.topic_id(topic), self._kafka.log(topic, partition).start) for topic in topics
        }

    def read_to_end(self, topic: str, partition: int, offset: int) -> Iterator[Batch]:
        self._kafka.wait_for_answer("read_to_end")
        records = self._kafka.log(topic, partition).since(offset)
        for begin in range(0, len(records), _READ_RECORDS):
            yield batch_of(records[begin : begin + _READ_RECORDS])


def batch_of(records: Sequence[StoredRecord]) -> Batch:
    """Consecutive records of one partition as columns."""
    return Batch(
        topic=records[0].topic,
        partition=records[0].partition,
        offsets=[record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=[record.headers for record in records],
    )
