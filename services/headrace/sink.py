"""The contract of a sink, and the runner that takes one from Kafka to its store without losing a record.

Guarantee: at least once, and exactly once for a sink whose writes are idempotent. An offset is committed after the
store confirmed every record before it; what the store can never take is committed after its dead letter is confirmed.
"""

import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import KafkaException, Message, TopicPartition

from headrace import deadletter
from headrace.clock import Clock
from headrace.errors import SinkBackpressure, TransientError
from headrace.kafka import OnPartitions, RecordWriter, headers_of_message, is_final
from headrace.refusal import Refusal
from headrace.streams.batch import Batch

log = logging.getLogger(__name__)

SLICE_RECORDS = 1_000
"""Records per read: what a flush may hold more than `Limits.bytes`."""
PAUSED_POLL_S = 0.2
"""How often a paused runner polls, which is what keeps it in its group."""
DEAD_LETTER_WAIT_S = 10.0
LAG_EVERY_S = 1.0
_TIMESTAMP = 1


class Sink(ABC):
    """Writes records to a store.

    One thread calls it: `setup` until it returns, then `write` any number of times, then `close`. Because a write is
    repeated after a failure, a crash or a rebalance, writing the same records twice must leave what writing them once
    leaves, in any cut into batches.
    """

    @abstractmethod
    def setup(self) -> None:
        """Connects. Runs before the first partition is asked for.

        Raises:
            TransientError: the store is not there yet; it is called again after a pause.
            ConfigurationError: the store is not as it must be; the process ends.
        """

    @abstractmethod
    def write(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        """Writes batches, at most one per partition, and returns when the store has confirmed all of them.

        Returns:
            The records that can never be written. Each becomes a dead letter; all others have been written.

        Raises:
            SinkBackpressure: the store asks for time. All partitions are paused, which costs no membership, and the
                same records are offered again after `retry_after` seconds. Nothing is committed.
            TransientError: likewise, after a pause that grows with each failure.
            Exception: anything else ends the process. Nothing is committed.
        """

    @abstractmethod
    def close(self) -> None:
        """Disconnects. Runs once, also after an error, when the partitions have been given back."""


class SinkConsumer(Protocol):
    """What a runner needs of `headrace.kafka.Consumer`."""

    def poll_batch(self, max_records: int, timeout: float) -> dict[tuple[str, int], list[Message]]: ...
    def commit(self, offsets: Sequence[TopicPartition]) -> None: ...
    def pause(self, partitions: Sequence[TopicPartition]) -> None: ...
    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...
    def assignment(self) -> list[TopicPartition]: ...
    def lag(self) -> dict[tuple[str, int], int]: ...
    def close(self) -> None: ...


OpenConsumer = Callable[[OnPartitions, OnPartitions], SinkConsumer]
"""Makes a consumer from what it shall call on assignment and on revocation."""


@dataclass(frozen=True)
class Limits:
    """How large a flush grows, and how patient a runner is.

    A flush ends with `records`, with `bytes` or after `linger` seconds: under load it is large, else quick.
    Seconds for `linger` and the pauses, which double from the least to the longest, with jitter.
    """

    records: int = 10_000
    bytes: int = 32 * 1_048_576
    linger: float = 0.2
    least_pause: float = 0.2
    longest_pause: float = 10.0


@dataclass
class SinkProgress:
    """What a runner did, for metrics and health."""

    records: dict[str, int] = field(default_factory=dict)
    flushes: int = 0
    retries: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    commits_refused: int = 0
    lag: dict[tuple[str, int], int] = field(default_factory=dict)
    is_set_up: bool = False
    last_turn: float = 0.0
    held_since: float | None = None
    held_by: str = ""


class SinkRunner:
    """Runs one sink in one thread.

    Memory is bounded: it holds one flush, and librdkafka's queue holds what comes next.

    Args:
        open_consumer: called once, when the sink is set up.
        dead_letters: where refused records go.
        stage: what a dead letter names as the step that gave up, such as `sink_cassandra.write`.
    """

    def __init__(
        self,
        sink: Sink,
        open_consumer: OpenConsumer,
        dead_letters: RecordWriter,
        stage: str,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._sink = sink
        self._open_consumer = open_consumer
        self._dead_letters = dead_letters
        self._stage = stage
        self._clock = clock
        self._limits = limits or Limits()
        self._stopping = threading.Event()
        self._owned: set[tuple[str, int]] = set()
        self._held: dict[tuple[str, int], list[Message]] = {}
        self._is_paused = False
        self._offer_at = 0.0
        self._failures = 0
        self._lag_at = 0.0
        self.progress = SinkProgress(last_turn=clock.monotonic())

    def stop(self) -> None:
        """Lets `run` return after the write in hand; may be called from a signal handler or another thread."""
        self._stopping.set()

    def run(self) -> None:
        """Sets the sink up and runs it until `stop`; may be called again after an error.

        Raises:
            Exception: what the sink or the consumer raised and this contract doesn't name; it committed nothing.
        """
        try:
            self._set_up()
            if not self._stopping.is_set():
                self._consume()
        finally:
            self._sink.close()

    def _set_up(self) -> None:
        while not self._stopping.is_set():
            self.progress.last_turn = self._clock.monotonic()
            try:
                self._sink.setup()
            except TransientError as error:
                self._stopping.wait(self._hold_back(error))
            else:
                self._forget_failures()
                self.progress.is_set_up = True
                return

    def _consume(self) -> None:
        self._owned.clear()
        self._held.clear()
        self._is_paused = False
        consumer = self._open_consumer(self._on_assign, self._on_revoke)
        try:
            while not self._stopping.is_set():
                self._turn(consumer)
        finally:
            consumer.close()

    def _turn(self, consumer: SinkConsumer) -> None:
        now = self.progress.last_turn = self._clock.monotonic()
        if now >= self._lag_at:
            self.progress.lag = consumer.lag()
            self._lag_at = now + LAG_EVERY_S
        if self._is_paused:
            self._read(consumer, min(PAUSED_POLL_S, max(0.0, self._offer_at - now)))
            # What was assigned meanwhile is not paused yet.
            consumer.pause(consumer.assignment())
            if self._clock.monotonic() < self._offer_at:
                return
        else:
            self._fill(consumer)
        self._offer(consumer)

    def _fill(self, consumer: SinkConsumer) -> None:
        """Reads until a flush is worth writing."""
        deadline = self._clock.monotonic() + self._limits.linger
        count = size = 0
        while count < self._limits.records and size < self._limits.bytes and not self._stopping.is_set():
            left = deadline - self._clock.monotonic()
            if left <= 0:
                return
            for messages in self._read(consumer, left, self._limits.records - count):
                count += len(messages)
                size += sum(len(message) for message in messages)

    def _read(self, consumer: SinkConsumer, timeout: float, most: int = SLICE_RECORDS) -> list[list[Message]]:
        found = consumer.poll_batch(min(most, SLICE_RECORDS), timeout)
        for partition, messages in found.items():
            if partition in self._owned:
                self._held.setdefault(partition, []).extend(messages)
        return list(found.values())

    def _offer(self, consumer: SinkConsumer) -> None:
        if self._held:
            try:
                self._write()
            except TransientError as error:
                self._offer_at = self._clock.monotonic() + self._hold_back(error)
                consumer.pause(consumer.assignment())
                self._is_paused = True
                return
            self._commit(consumer)
            self._held.clear()
        if self._is_paused:
            consumer.resume(consumer.assignment())
            self._is_paused = False
        self._forget_failures()

    def _write(self) -> None:
        batches = [batch_of(topic, partition, messages) for (topic, partition), messages in self._held.items()]
        refusals = self._sink.write(batches)
        if refusals:
            for refusal in refusals:
                deadletter.send(self._dead_letters, _dead_letter(refusal, self._stage))
            self._dead_letters.flush(DEAD_LETTER_WAIT_S)
        self._count(batches, refusals)

    def _count(self, batches: Sequence[Batch], refusals: Sequence[Refusal]) -> None:
        for batch in batches:
            self.progress.records[batch.topic] = self.progress.records.get(batch.topic, 0) + len(batch)
        for refusal in refusals:
            reason = refusal.error.reason.value
            self.progress.refused[reason] = self.progress.refused.get(reason, 0) + 1
        self.progress.flushes += 1

    def _commit(self, consumer: SinkConsumer) -> None:
        offsets = [
            TopicPartition(topic, partition, int(messages[-1].offset() or 0) + 1)
            for (topic, partition), messages in self._held.items()
        ]
        try:
            consumer.commit(offsets)
        except KafkaException as error:
            if is_final(error.args[0]):
                raise
            # A rebalance, or a coordinator that is away. Whoever reads these records again writes the same; a later
            # commit says the same and more.
            self.progress.commits_refused += 1

    def _hold_back(self, error: TransientError) -> float:
        """Notes a failure and returns for how many seconds to pause."""
        self._failures += 1
        self.progress.retries += 1
        self.progress.held_by = str(error)
        if self.progress.held_since is None:
            self.progress.held_since = self._clock.monotonic()
            log.warning("writes are held back", extra={"stage": self._stage, "error": str(error)})
        if isinstance(error, SinkBackpressure):
            return error.retry_after
        longest = min(self._limits.longest_pause, self._limits.least_pause * 2.0 ** min(self._failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    def _forget_failures(self) -> None:
        if self.progress.held_since is not None:
            held = round(self._clock.monotonic() - self.progress.held_since, 1)
            log.info("writes go on", extra={"stage": self._stage, "held_s": held})
        self._failures = 0
        self.progress.held_since = None
        self.progress.held_by = ""

    def _on_assign(self, partitions: list[TopicPartition]) -> None:
        self._owned.update((p.topic, p.partition) for p in partitions)
        log.info("partitions assigned", extra={"partitions": _names(partitions)})

    def _on_revoke(self, partitions: list[TopicPartition]) -> None:
        """What was written is committed; what is held belongs to the next owner."""
        for partition in partitions:
            self._owned.discard((partition.topic, partition.partition))
            self._held.pop((partition.topic, partition.partition), None)
        log.info("partitions revoked", extra={"partitions": _names(partitions)})


def batch_of(topic: str, partition: int, messages: Sequence[Message]) -> Batch:
    """Consecutive messages of one partition as columns."""
    return Batch(
        topic=topic,
        partition=partition,
        offsets=[message.offset() or 0 for message in messages],
        timestamps=[message.timestamp()[_TIMESTAMP] * 1_000 for message in messages],
        keys=[message.key() for message in messages],
        values=[message.value() for message in messages],
        headers=[headers_of_message(message) for message in messages],
    )


def _dead_letter(refusal: Refusal, stage: str) -> deadletter.DeadLetter:
    batch, index = refusal.batch, refusal.index
    return deadletter.DeadLetter.of(
        refusal.error,
        deadletter.Source(batch.topic, batch.partition, batch.offsets[index]),
        stage,
        batch.timestamps[index],
        batch.values[index],
        batch.keys[index],
        batch.headers[index],
    )


def _names(partitions: Sequence[TopicPartition]) -> list[str]:
    return sorted(f"{p.topic}[{p.partition}]" for p in partitions)


def healthy_turn(progress: SinkProgress, clock: Clock, longest: float) -> str | None:
    """A liveness check: the runner came round within `longest` seconds."""
    silent = clock.monotonic() - progress.last_turn
    return f"no turn for {silent:.0f} s" if silent > longest else None


def is_writing(progress: SinkProgress, clock: Clock, longest: float) -> str | None:
    """A readiness check: the sink is set up and not held back for longer than `longest` seconds."""
    if progress.held_since is not None and clock.monotonic() - progress.held_since > longest:
        return f"writes are held back: {progress.held_by}"
    return None if progress.is_set_up else f"not set up: {progress.held_by or 'connecting'}"
