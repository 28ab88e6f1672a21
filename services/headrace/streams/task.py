"""One partition of a stage: its state, its transaction, and how far it has come.

Nothing here waits for input or knows of Faust, so the same code runs in a worker, in a replay and in the test driver.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.deadletter import DeadLetter, Source
from headrace.errors import ConfigurationError, Reason, TerminalError
from headrace.streams.batch import Batch, Cells, OutRecord, TaskState
from headrace.streams.changelog import Logs
from headrace.streams.checkpoint import (
    CELL_PREFIX,
    RECORD_KEY,
    Checkpoint,
    InputPosition,
    encode_checkpoint,
    start_positions,
)
from headrace.streams.topology import Stage
from headrace.streams.transaction import MAX_RECORD_BYTES, Transactions, sizes_of

_topic_of = itemgetter(0)
log = logging.getLogger(__name__)
_KEPT_BESIDE_VALUE = 50_000
"""Bytes of key and headers that fit a dead letter beside its value."""

_TABLE_OFFSETS = 50_000
_TABLE_BYTES = 8_000_000
"""After so many offsets, or bytes of outputs, a checkpoint is cut amid a table: a transaction must not grow with it."""


@dataclass
class Progress:
    """What the tasks of a process did, for metrics; durations in seconds."""

    inputs: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    outputs: dict[str, int] = field(default_factory=dict)
    oversize: int = 0
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    aborts: int = 0
    changelog_cells: int = 0
    changelog_bytes: int = 0
    restored_cells: int = 0
    lost_offsets: int = 0

    @property
    def records(self) -> int:
        """Input records taken."""
        return sum(self.inputs.values())


OnStep = Callable[[str], None]
"""Told each step of a checkpoint by name; fault tests end or stop the process there."""


def no_step(name: str) -> None:
    """The default of `on_step`."""


class Task:
    """Runs one partition number of a stage's inputs.

    The order of calls is `take_over`, `restore`, `catch_up`, then any of `process`, `idle`, and for a checkpoint
    `prepare` and `commit`. After `abort` nothing since the last commit counts, and `restore` must come before anything
    else. `take_over`, `restore`, `catch_up`, `commit` and `abort` wait for the brokers.
    """

    def __init__(
        self,
        stage: Stage,
        partition: int,
        transactions: Transactions,
        logs: Logs,
        progress: Progress,
        on_step: OnStep = no_step,
    ) -> None:
        self.stage = stage
        self.partition = partition
        self.state: TaskState = stage.rules.new_state()
        self.positions: dict[str, int] = {}
        self.committed: dict[str, int] = {}
        self.open_bytes = 0
        self.has_open_work = False
        self._transactions = transactions
        self._logs = logs
        self._progress = progress
        self._on_step = on_step
        self._topic_ids: dict[str, str] = {}
        self._now_us = 0

    def take_over(self) -> None:
        """Fences whoever had the task before; called once per assignment, before `restore`.

        Raises:
            ProducerLost: another owner came after this one.
        """
        self._on_step("taking over")
        self._transactions.start()

    def restore(self) -> None:
        """Builds the state of the last checkpoint; afterwards input goes on at `positions`.

        Raises:
            TransientError: the brokers don't answer.
            ConfigurationError: the changelog does not fit these rules or inputs.
        """
        self._on_step("restoring")
        # What was there is worth nothing, and both at once would take twice the memory.
        self.state = self.stage.rules.new_state()
        cells = self.stage.new_cells()
        checkpoint = self._logs.read_changelog(self.stage.changelog, self.partition, cells)
        inputs = self._logs.describe_inputs(self.stage.inputs, self.partition)
        self.positions, lost = start_positions(checkpoint, inputs)
        self.committed = dict(self.positions)
        self._topic_ids = {topic: found.topic_id for topic, found in inputs.items()}
        if lost:
            self.note_lost(lost)
        self._progress.restored_cells += len(cells)
        self._restore_state(cells, checkpoint)
        self.open_bytes, self.has_open_work = 0, False

    def catch_up(self) -> None:
        """Takes what the stage's tables hold by now, so that no record is joined to a row that has a newer one.

        Raises:
            TransientError: the brokers don't answer, or a commit failed: nothing since the last one counts.
            ProducerLost: see `commit`.
        """
        for topic in self.stage.tables:
            for batch in self._logs.read_to_end(topic, self.partition, self.positions[topic]):
                self.process(batch)
                is_many = self.positions[topic] - self.committed[topic] >= _TABLE_OFFSETS
                if is_many or self.open_bytes >= _TABLE_BYTES:
                    self.prepare()
                    self.commit()

    def process(self, batch: Batch) -> None:
        """Takes a batch into the state and its outputs into the open transaction.

        Records that were processed already are passed over: a rebalance or a restore may bring them again.
        """
        batch = _without_done(batch, self.positions[batch.topic])
        if not len(batch):
            return
        self.has_open_work = True
        self._now_us = batch.timestamps[-1]
        self._produce(self.stage.rules.process(self.state, batch))
        self.positions[batch.topic] = batch.offsets[-1] + 1
        self._progress.inputs[batch.topic] = self._progress.inputs.get(batch.topic, 0) + len(batch)
        self._progress.batches += 1
        self._on_step("processed")

    def idle(self, now_us: int) -> None:
        """Lets the rules say what is due since no record came."""
        outputs = self.stage.rules.on_idle(self.state, now_us)
        if outputs:
            self.has_open_work = True
            self._produce(outputs)

    def prepare(self) -> None:
        """Adds the changed cells and the checkpoint record to the open transaction."""
        self._on_step("preparing")
        changelog, partition = self.stage.changelog, self.partition
        records = [
            OutRecord(changelog, CELL_PREFIX + key, value, (), partition) for key, value in self.state.take_changes()
        ]
        sizes = sizes_of(records)
        if max(sizes, default=0) > MAX_RECORD_BYTES:
            raise ConfigurationError(f"a cell of {self.stage.name} has {max(sizes)} bytes; {MAX_RECORD_BYTES} fit")
        self._progress.changelog_cells += len(records)
        self._progress.changelog_bytes += sum(sizes)
        records.append(OutRecord(changelog, RECORD_KEY, encode_checkpoint(self._checkpoint()), (), partition))
        self._transactions.produce(records)
        self._on_step("prepared")

    def commit(self) -> None:
        """Commits what `prepare` completed.

        Raises:
            AbortRequired: nothing of it counts; `abort`, then `restore`.
            ProducerLost: the outcome is unknown, or another owner has the task: the process must end.
        """
        self._on_step("committing")
        self._transactions.commit()
        self.committed = dict(self.positions)
        self.open_bytes, self.has_open_work = 0, False
        self._progress.checkpoints += 1
        self._on_step("committed")

    def abort(self) -> None:
        """Gives up what is open; the state is ahead of it and must be restored.

        Raises:
            ProducerLost: another owner has the task.
        """
        self._on_step("aborting")
        self._transactions.abort()
        self._progress.aborts += 1

    def close(self) -> None:
        """Lets go of the producer."""
        self._transactions.close()

    def note_duration(self, seconds: float) -> None:
        """Counts how long a checkpoint took."""
        self._progress.checkpoint_seconds += seconds

    def note_lost(self, offsets: int) -> None:
        """Counts and says that the brokers deleted input before it was processed."""
        self._progress.lost_offsets += offsets
        inputs = ", ".join(self.stage.inputs)
        log.error(
            "input was deleted by its retention before it was processed",
            extra={"inputs": inputs, "partition": self.partition, "offsets": offsets},
        )

    def _restore_state(self, cells: Cells, checkpoint: Checkpoint | None) -> None:
        wanted = self.stage.rules.state_schema
        if checkpoint is None and cells:
            raise ConfigurationError(f"changelog {self.stage.changelog} has cells and no checkpoint record")
        if checkpoint is not None and checkpoint.state_schema != wanted:
            raise ConfigurationError(
                f"changelog {self.stage.changelog} holds state of schema {checkpoint.state_schema} and these rules "
                f"have {wanted}: run the version that wrote it, or `headrace replay` the input into a new version"
            )
        try:
            self.state.restore(cells)
        except ValueError as error:
            raise ConfigurationError(f"changelog {self.stage.changelog}: {error}") from error

    def _checkpoint(self) -> Checkpoint:
        inputs = {topic: InputPosition(self._topic_ids[topic], at) for topic, at in self.positions.items()}
        return Checkpoint(inputs, self.stage.rules.state_schema)

    def _produce(self, outputs: list[OutRecord]) -> None:
        sizes = sizes_of(outputs)
        if max(sizes, default=0) > MAX_RECORD_BYTES:
            outputs = [
                self._oversize(record, size) if size > MAX_RECORD_BYTES else record
                for record, size in zip(outputs, sizes, strict=True)
            ]
            sizes = sizes_of(outputs)
        self.open_bytes += sum(sizes)
        self._transactions.produce(outputs)
        counts = self._progress.outputs
        for topic, count in Counter(map(_topic_of, outputs)).items():
            counts[topic] = counts.get(topic, 0) + count

    def _oversize(self, record: OutRecord, size: int) -> OutRecord:
        """A dead letter in place of a record that Kafka would refuse together with the batch it is in."""
        self._progress.oversize += 1
        error = TerminalError(Reason.TOO_LARGE, f"an output of {size} bytes; {MAX_RECORD_BYTES} fit a record")
        source = Source(record.topic, self.partition, -1)
        stage = f"{self.stage.name}.output"
        # A dead letter cuts a large value; a key or headers that are large themselves would make it too large again.
        is_value_large = size - len(record.value or b"") <= _KEPT_BESIDE_VALUE
        key, headers = (record.key, record.headers) if is_value_large else (None, ())
        letter = DeadLetter.of(error, source, stage, self._now_us, record.value, key, headers)
        return OutRecord(DEADLETTERS, key, letter.value, letter.to_headers())


def _without_done(batch: Batch, next_offset: int) -> Batch:
    offsets = batch.offsets
    if not offsets or offsets[0] >= next_offset:
        return batch
    done = sum(1 for offset in offsets if offset < next_offset)
    return Batch(
        batch.topic,
        batch.partition,
        offsets[done:],
        batch.timestamps[done:],
        batch.keys[done:],
        batch.values[done:],
        batch.headers[done:],
    )
