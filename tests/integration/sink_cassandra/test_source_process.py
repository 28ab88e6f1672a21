"""Rows of sources' own topics, by a sink's own process: what is in their tables, also where it was killed."""

import random
from decimal import Decimal

import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from headrace.errors import Reason
from headrace.records import ColumnType
from headrace.testing import wait_until
from tests.integration.sink_cassandra.dead_letters import dead_letters_of
from tests.integration.sink_cassandra.sink_process import SinkProcess, produce, readings_in
from tests.integration.sink_cassandra.source_topic import SourceTopic
from tests.unit.sink_cassandra.records import reading

pytestmark = pytest.mark.integration


def group_of(sink: SinkProcess) -> str:
    return f"{sink.name}.sources"


def test_a_topic_that_appears_while_the_sink_runs_becomes_a_typed_table(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    sink.start()
    sink.wait_ready()
    source = SourceTopic(stack, sink.keyspace)
    source.create()
    source.declare({"id": "text", "amount": "number", "paid": "boolean"})
    source.write("a", b'{"id":"a","amount":9223372036854775807,"paid":true}')
    source.write("b", b'{"id":"b","amount":0.1,"paid":null,"unseen":null}')
    source.write("c", {"id": "c", "amount": 3})
    source.wait_written(group_of(sink))
    assert source.rows(session)["b"] == {"id": "b", "amount": Decimal("0.1")}

    wider: dict[str, ColumnType] = {"id": "text", "amount": "number", "paid": "boolean", "lines": "text"}
    source.declare(wider)
    source.write("b", b'{"id":"b","lines":[{"sku": 1.50}]}')
    source.delete("c")
    source.write(source.name, b"{not json")
    source.write(source.name, {"amount": "many"})
    source.write(source.name, {}, version=9)
    source.write("d", {"id": "d"}, version=1)
    source.wait_written(group_of(sink))
    assert source.rows(session) == {
        "a": {"id": "a", "amount": Decimal(2**63 - 1), "paid": True},
        "b": {"id": "b", "lines": '[{"sku": 1.50}]'},
        "d": {"id": "d"},
    }
    letters = wait_until(lambda: dead_letters_of(stack, source.name, 3), "three dead letters")
    assert sorted(letter.reason for letter in letters) == sorted(
        (Reason.MALFORMED_JSON, Reason.INVALID_RECORD, Reason.UNKNOWN_SCHEMA)
    )
    produce(stack, "readings.clean", [reading(site=sink.name)])
    sink.wait_done()
    assert len(readings_in(session, sink.keyspace, sink.name)) == 1
    assert sink.is_ready()
    assert sink.stop() == 0


@pytest.mark.faults
def test_a_sink_killed_amid_a_flush_leaves_the_last_row_of_each_key(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    rng = random.Random(seed)
    source = SourceTopic(stack, sink.keyspace)
    source.create()
    source.declare({name: "number" for name in "abc"})
    expected: dict[str, dict[str, Decimal]] = {}
    for number in range(3_000):
        key, row = str(number % 211), {rng.choice("abc"): number}
        source.write(key, row)
        expected[key] = {name: Decimal(value) for name, value in row.items()}
    source.flush()
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "100"
    sink.start()
    target = rng.randrange(1, 1_500)
    wait_until(lambda: sink.metric("headrace_written_rows_total") >= target, f"{target} rows", 60, 0.01)
    sink.kill()
    sink.start()
    source.wait_written(group_of(sink))
    assert source.rows(session) == expected
