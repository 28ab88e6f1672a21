"""A stream is joined to the newest rows of a table: those that a start finds, and those that come later."""

import asyncio

import pytest

from headrace.streams.batch import Batch, OutRecord
from headrace.streams.keyed_cells import KeyedCells
from headrace.streams.task import Progress
from headrace.streams.topology import Stage, Topology
from headrace.streams.transaction import AbortRequired
from headrace.testing import MemoryKafka, TopologyDriver
from tests.unit.headrace.engine_run import running

STREAM, TABLE, OUTPUT = "clicks", "users", "named"
MANY = 60_000
"""More rows than one checkpoint takes."""


class Naming:
    """Gives each value of the stream with the row of its key."""

    state_schema = "rows/1"

    def new_state(self) -> KeyedCells:
        return KeyedCells()

    def process(self, state: KeyedCells, batch: Batch) -> list[OutRecord]:
        outputs = []
        for key, value in zip(batch.keys, batch.values, strict=True):
            assert key is not None
            if batch.topic == STREAM:
                outputs.append(OutRecord(OUTPUT, key, b"%s/%s" % (value, state.get(key) or b"-")))
            elif value is None:
                state.delete(key)
            else:
                state.put(key, value)
        return outputs

    def on_idle(self, state: KeyedCells, now_us: int) -> list[OutRecord]:
        return []


# The table is the later name, so that nothing but its being a table brings it first.
NAMED = Topology("naming", (Stage("name", (STREAM, TABLE), Naming(), (OUTPUT,), "names", tables=(TABLE,)),))


def values(kafka: MemoryKafka) -> list[bytes | None]:
    return [record.value for record in kafka.records(OUTPUT)]


def append(kafka: MemoryKafka, topic: str, value: bytes | None) -> None:
    kafka.append(OutRecord(topic, b"k", value))


def test_rows_that_a_start_finds_come_before_records_that_are_older() -> None:
    driver = TopologyDriver(NAMED)
    driver.send(STREAM, b"k", b"click")
    driver.send(TABLE, b"k", b"Ann")
    driver.send(TABLE, b"k", b"Anna")
    driver.crash()
    driver.run()
    assert values(driver.kafka) == [b"click/Anna"]


def test_rows_that_come_later_change_what_follows_and_a_tombstone_ends_them() -> None:
    driver = TopologyDriver(NAMED)
    for topic, value in ((STREAM, b"a"), (TABLE, b"Ann"), (STREAM, b"b"), (TABLE, None), (STREAM, b"c")):
        driver.send(topic, b"k", value)
    driver.run()
    assert values(driver.kafka) == [b"a/-", b"b/Ann", b"c/-"]


@pytest.mark.parametrize("failures", [0, 1])
def test_worker_reads_a_large_table_in_several_checkpoints_before_the_stream(failures: int) -> None:
    kafka = MemoryKafka(partitions=1)
    append(kafka, STREAM, b"click")
    for number in range(MANY):
        append(kafka, TABLE, b"%d" % number)
    for _ in range(failures):
        kafka.fail_next("commit", AbortRequired("a delivery failed"))
    progress = Progress()

    async def run() -> None:
        async with running(kafka, NAMED) as subject:
            await subject.until(lambda: values(kafka), "the joined record")
            progress.__dict__.update(subject.engine.progress.__dict__)
            assert subject.failures == []

    asyncio.run(run())
    assert values(kafka) == [b"click/%d" % (MANY - 1)]
    assert progress.checkpoints >= 2
    assert progress.aborts == failures


def test_table_that_the_stage_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="tables of stage name are not among its inputs: others"):
        Stage("name", (STREAM,), Naming(), (OUTPUT,), "names", tables=("others",))


def test_description_parts_tables_from_streams() -> None:
    lines = NAMED.describe().splitlines()
    assert "    sources  clicks" in lines
    assert "    tables   users" in lines
    assert "  users[(users)] --> name([name<br/>Naming])" in NAMED.mermaid().splitlines()
