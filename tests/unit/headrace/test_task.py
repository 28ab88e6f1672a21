"""A task's state, outputs and positions change together or not at all."""

import logging

import pytest

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.deadletter import DeadLetter
from headrace.errors import ConfigurationError, Reason, TransientError
from headrace.streams.batch import Batch, OutRecord
from headrace.streams.checkpoint import CELL_PREFIX, RECORD_KEY, decode_checkpoint
from headrace.streams.memory import batch_of
from headrace.streams.task import Progress, Task
from headrace.streams.transaction import MAX_RECORD_BYTES, AbortRequired, ProducerLost
from headrace.testing import MemoryKafka, MemoryLogs, MemoryTransactions
from tests.unit.headrace.counting import CHANGELOG, INPUT, OUTPUT, STAGE, Counting, Counts, topology

pytestmark = pytest.mark.usefixtures("cells")


@pytest.fixture
def kafka() -> MemoryKafka:
    return MemoryKafka(partitions=1)


def start(kafka: MemoryKafka, rules: Counting | None = None, progress: Progress | None = None) -> Task:
    """A task that has taken over from whoever had it before."""
    subject = topology(rules)
    (stage,) = subject.stages
    transactions = MemoryTransactions(kafka, subject.transactional_id(stage, 0))
    task = Task(stage, 0, transactions, MemoryLogs(kafka), progress or Progress())
    task.take_over()
    task.restore()
    return task


def send(kafka: MemoryKafka, *values: bytes, key: bytes = b"k") -> Batch:
    return batch_of([kafka.append(OutRecord(INPUT, key, value)) for value in values])


def checkpoint(task: Task) -> None:
    task.prepare()
    task.commit()


def outputs(kafka: MemoryKafka, topic: str = OUTPUT) -> list[bytes | None]:
    return [record.value for record in kafka.records(topic)]


def test_outputs_cells_and_positions_become_visible_together(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a", b"b"))
    task.prepare()
    assert outputs(kafka) == outputs(kafka, CHANGELOG) == []
    task.commit()
    assert outputs(kafka) == [b"a/1", b"b/2"]
    cells = {record.key: record.value for record in kafka.records(CHANGELOG)}
    assert cells[CELL_PREFIX + b"k"] == b"2"
    assert decode_checkpoint(cells[RECORD_KEY] or b"").inputs[INPUT].next_offset == 2


def test_successor_goes_on_after_the_last_checkpoint(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    checkpoint(task)
    task.process(send(kafka, b"b"))
    successor = start(kafka)
    assert successor.positions == {INPUT: 1}
    successor.process(batch_of(kafka.log(INPUT, 0).since(1)))
    checkpoint(successor)
    assert outputs(kafka) == [b"a/1", b"b/2"]


def test_former_owner_can_commit_nothing_any_more(kafka: MemoryKafka) -> None:
    zombie = start(kafka)
    zombie.process(send(kafka, b"a"))
    zombie.prepare()
    start(kafka)
    with pytest.raises(ProducerLost):
        zombie.commit()
    assert outputs(kafka) == outputs(kafka, CHANGELOG) == []


def test_abort_leaves_no_trace_in_state_or_outputs(kafka: MemoryKafka) -> None:
    progress = Progress()
    task = start(kafka, progress=progress)
    batch = send(kafka, b"a")
    task.process(batch)
    task.prepare()
    kafka.fail_next("commit", AbortRequired("a delivery failed"))
    with pytest.raises(AbortRequired):
        task.commit()
    task.abort()
    task.restore()
    assert (task.positions, task.committed, task.has_open_work, task.open_bytes) == ({INPUT: 0}, {INPUT: 0}, False, 0)
    task.process(batch)
    checkpoint(task)
    assert outputs(kafka) == [b"a/1"]
    assert (progress.aborts, progress.checkpoints) == (1, 1)


def test_committed_positions_follow_the_commit_and_not_the_processing(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    assert (task.positions, task.committed) == ({INPUT: 1}, {INPUT: 0})
    checkpoint(task)
    assert task.committed == {INPUT: 1}


def test_records_that_were_processed_already_are_passed_over(kafka: MemoryKafka) -> None:
    task = start(kafka)
    batch = send(kafka, b"a", b"b", b"c")
    task.process(batch_of(kafka.log(INPUT, 0).records[:2]))
    task.process(batch)
    task.process(batch)
    checkpoint(task)
    assert outputs(kafka) == [b"a/1", b"b/2", b"c/3"]


def test_gaps_of_compacted_and_transactional_inputs_are_nothing_special(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(Batch(INPUT, 0, [3, 40], [0, 0], [b"k", b"k"], [b"a", b"b"], [(), ()]))
    checkpoint(task)
    assert start(kafka).positions == {INPUT: 41}
    assert outputs(kafka) == [b"a/1", b"b/2"]


def test_forgotten_key_becomes_a_tombstone(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a", b"forget"))
    checkpoint(task)
    assert {r.key: r.value for r in kafka.records(CHANGELOG)}[CELL_PREFIX + b"k"] is None
    state = start(kafka).state
    assert isinstance(state, Counts) and len(state) == 0


def test_batch_without_outputs_advances_positions_all_the_same(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"forget"))
    assert task.has_open_work
    checkpoint(task)
    assert start(kafka).positions == {INPUT: 1}


def test_idle_rules_that_say_nothing_open_no_transaction(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.idle(0)
    assert not task.has_open_work


def test_output_too_large_for_kafka_becomes_a_dead_letter_and_costs_itself_alone(kafka: MemoryKafka) -> None:
    progress = Progress()
    task = start(kafka, progress=progress)
    task.process(send(kafka, b"a", b"large", b"b"))
    checkpoint(task)
    assert outputs(kafka) == [b"a/1", b"b/3"]
    (record,) = kafka.records(DEADLETTERS)
    letter = DeadLetter.from_record(record.value, record.key, record.headers)
    assert (letter.reason, letter.stage, letter.source.topic) == (Reason.TOO_LARGE, f"{STAGE}.output", OUTPUT)
    assert letter.length == 2_000_000
    assert letter.is_cut
    assert progress.oversize == 1
    assert progress.outputs == {OUTPUT: 2, DEADLETTERS: 1}


def test_dead_letter_of_an_output_with_large_headers_fits_a_record(kafka: MemoryKafka) -> None:
    class LargeHeaders(Counting):
        def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
            return [OutRecord(OUTPUT, b"k", b"v", [("h", b"x" * 2_000_000)])]

    task = start(kafka, LargeHeaders())
    task.process(send(kafka, b"a"))
    checkpoint(task)
    (record,) = kafka.records(DEADLETTERS)
    assert sum(len(name) + len(value) for name, value in record.headers) < MAX_RECORD_BYTES


def test_cell_too_large_for_kafka_is_refused_before_anything_is_committed(kafka: MemoryKafka) -> None:
    class Fat(Counting):
        def new_state(self) -> Counts:
            state = Counts()
            state.take_changes = lambda: [(b"k", b"x" * 2_000_000)]  # type: ignore[method-assign]  # one large cell
            return state

    task = start(kafka, Fat())
    task.process(send(kafka, b"a"))
    with pytest.raises(ConfigurationError, match="cell"):
        task.prepare()
    assert outputs(kafka) == []


def test_state_of_another_schema_is_refused_with_the_way_out(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    checkpoint(task)
    newer = Counting()
    newer.state_schema = "counts/2"
    with pytest.raises(ConfigurationError, match=r"counts/1 .*counts/2.*replay"):
        start(kafka, newer)


def test_cells_that_the_state_can_not_read_are_refused(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    checkpoint(task)
    kafka.append(OutRecord(CHANGELOG, CELL_PREFIX + b"k", b"no number", (), 0))
    with pytest.raises(ConfigurationError, match=CHANGELOG):
        start(kafka)


def test_changelog_that_lost_its_checkpoint_record_is_refused(kafka: MemoryKafka) -> None:
    kafka.append(OutRecord(CHANGELOG, CELL_PREFIX + b"k", b"1", (), 0))
    with pytest.raises(ConfigurationError, match="no checkpoint record"):
        start(kafka)


def test_input_that_was_made_again_is_refused(kafka: MemoryKafka) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    checkpoint(task)
    kafka.make_again(INPUT)
    with pytest.raises(ConfigurationError, match="made again"):
        start(kafka)


def test_input_deleted_by_retention_is_counted_and_said(kafka: MemoryKafka, caplog: pytest.LogCaptureFixture) -> None:
    task = start(kafka)
    task.process(send(kafka, b"a"))
    checkpoint(task)
    send(kafka, b"b", b"c")
    kafka.delete_before(INPUT, 0, 3)
    progress = Progress()
    with caplog.at_level(logging.ERROR):
        successor = start(kafka, progress=progress)
    assert successor.positions == {INPUT: 3}
    assert progress.lost_offsets == 2
    assert "deleted by its retention" in caplog.text


def test_rules_that_must_wait_change_nothing(kafka: MemoryKafka) -> None:
    rules = Counting()
    rules.is_away = True
    task = start(kafka, rules)
    batch = send(kafka, b"a", b"later")
    with pytest.raises(TransientError):
        task.process(batch)
    task.abort()
    task.restore()
    rules.is_away = False
    task.process(batch)
    checkpoint(task)
    assert outputs(kafka) == [b"a/1", b"later/2"]


def test_steps_of_a_checkpoint_come_in_this_order(kafka: MemoryKafka) -> None:
    steps: list[str] = []
    subject = topology()
    transactions = MemoryTransactions(kafka, "id")
    task = Task(subject.stages[0], 0, transactions, MemoryLogs(kafka), Progress(), steps.append)
    task.take_over()
    task.restore()
    task.process(send(kafka, b"a"))
    checkpoint(task)
    assert steps == ["taking over", "restoring", "processed", "preparing", "prepared", "committing", "committed"]
