"""The tables of sources: any cut into batches leaves the same rows, and a table is made once and mended."""

import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal

import pytest
from cassandra.cluster import Session
from confluent_kafka import Producer

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.errors import Reason, TransientError
from headrace.kafka import producer_config
from headrace.records import RowSchema, encode, headers_of
from headrace.refusal import Refusal
from headrace.streams.batch import Batch
from headrace.testing import wait_until
from sink_cassandra.metrics import StoreCounts
from sink_cassandra.settings import Settings
from sink_cassandra.sources.row_schemas import RowSchemas
from sink_cassandra.sources.source_sink import SourceSink
from sink_cassandra.sources.source_store import SourceStore
from tests.integration.sink_cassandra.source_topic import Row, SourceTopic

pytestmark = pytest.mark.integration

HOSTILE = (
    'say "hi"',
    "key",
    "__key__",
    "",
    "Total",
    "total",
    "a'); DROP TABLE x; --",
    "new\nline",
    "?",
    "ü",
    "x" * 300,
)


@contextmanager
def new_sink(
    stack: Stack, keyspace: str, longest_read: float = 5.0, again: float = 0.0, **settings: int
) -> Iterator[SourceSink]:
    chosen = Settings(cassandra_port=stack.ports.cassandra, keyspace=keyspace, **settings)  # type: ignore[arg-type]
    store = SourceStore(chosen, StoreCounts(), SystemClock())
    with closing(SourceSink(store, RowSchemas(stack.brokers, longest_read, again))) as sink:
        sink.setup()
        yield sink


@pytest.fixture
def one_sink(stack: Stack, keyspace: str) -> Iterator[SourceSink]:
    with new_sink(stack, keyspace) as sink:
        yield sink


@pytest.fixture
def source(stack: Stack, keyspace: str) -> SourceTopic:
    return SourceTopic(stack, keyspace)


def history(rng: random.Random) -> list[tuple[str, Row | None]]:
    """Rows of few keys with some of the columns each, and deletions."""
    rows: list[tuple[str, Row | None]] = []
    for _ in range(300):
        names = rng.sample("abcd", rng.randrange(5))
        row = None if rng.random() < 0.2 else {name: rng.randrange(1_000) for name in names}
        rows.append((str(rng.randrange(15)), row))
    return rows


def test_any_cut_twice_over_leaves_the_last_row_of_each_key(
    stack: Stack, keyspace: str, one_sink: SourceSink, source: SourceTopic, session: Session
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    rng = random.Random(seed)
    rows = history(rng)
    last = dict(rows)
    expected = {
        key: {name: Decimal(value) for name, value in row.items()}
        for key, row in last.items()
        if row is not None and not isinstance(row, bytes)
    }
    source.declare({name: "number" for name in "abcd"})
    # Whatever was begun anew, and whichever part of it came again after a later one.
    for start in [0, *rng.sample(range(len(rows)), 4), 0]:
        position = start
        while position < len(rows):
            length = rng.randrange(1, 150)
            assert one_sink.write([source.batch(rows[position : position + length], position)]) == []
            position += length
        assert source.rows(session) == expected


def test_names_that_hold_cql_are_names(one_sink: SourceSink, source: SourceTopic, session: Session) -> None:
    source.declare(dict.fromkeys(HOSTILE, "text"))
    assert one_sink.write([source.batch([("a", {name: f"<{name}>" for name in HOSTILE})])]) == []
    (row,) = source.rows(session).values()
    assert sorted(row.values()) == sorted(f"<{name}>" for name in HOSTILE)
    assert row["key"] == "<key>" and row["__column___key__"] == "<__key__>" and row['say "hi"'] == '<say "hi">'


def written(sink: SourceSink, batch: Batch) -> Sequence[Refusal]:
    """What becomes of a batch; as by the runner, it is offered again while another sink changes the table."""
    return wait_until(lambda: (sink.write([batch]),), "the table")[0]


def test_sinks_that_need_the_same_columns_at_once_all_get_them(
    stack: Stack, keyspace: str, source: SourceTopic, session: Session
) -> None:
    with ExitStack() as open_sinks, ThreadPoolExecutor(3) as threads:
        sinks = [open_sinks.enter_context(new_sink(stack, keyspace)) for _ in range(3)]
        for names in ("a", "abc"):
            source.declare({name: "number" for name in names})
            batch = source.batch([("k", {name: 1 for name in names})])
            assert list(threads.map(lambda sink: written(sink, batch), sinks)) == [[], [], []]  # noqa: B023 - called within the turn
    assert source.rows(session) == {"k": {name: Decimal(1) for name in "abc"}}


def test_a_dropped_table_is_made_anew_and_a_strangers_costs_its_own_rows_alone(
    stack: Stack, keyspace: str, one_sink: SourceSink, source: SourceTopic, session: Session
) -> None:
    source.declare({"a": "number"})
    first = source.batch([("k", {"a": 1})])
    one_sink.write([first])
    session.execute(f"DROP TABLE {source.table}")
    with pytest.raises(TransientError, match="changed by somebody else"):
        one_sink.write([first])
    assert one_sink.write([first]) == []

    other = SourceTopic(stack, keyspace)
    other.declare({"a": "number"})
    session.execute(f'CREATE TABLE {other.table} ("__key__" text PRIMARY KEY, a text)')
    refused = other.batch([("k", {"a": 1}), ("l", {"a": 2})])
    for _ in range(2):
        refusals = one_sink.write([refused, source.batch([("m", {"a": 3})], 1)])
        assert [(refusal.batch, refusal.index) for refusal in refusals] == [(refused, 0), (refused, 1)]
        assert {refusal.error.reason for refusal in refusals} == {Reason.REFUSED_BY_STORE}
        assert "is another one" in refusals[0].error.detail
    assert source.rows(session) == {"k": {"a": Decimal(1)}, "m": {"a": Decimal(3)}}


def test_a_schema_in_an_open_transaction_is_waited_for_and_one_that_never_was_is_not(
    stack: Stack, keyspace: str, source: SourceTopic
) -> None:
    source.version = 1
    batch = source.batch([("k", {"a": 1})])
    producer = Producer(producer_config(stack.brokers, "test", **{"transactional.id": f"test-{uuid.uuid4()}"}))
    producer.init_transactions(30)
    producer.begin_transaction()
    schema = RowSchema(source.topic, source.name, 1, "{id}", {"a": "number"}, 0)
    producer.produce("sources.schemas", encode(schema), source.topic.encode(), headers=list(headers_of(schema)))
    producer.flush(30)
    with new_sink(stack, keyspace, longest_read=0.2) as sink:
        with pytest.raises(TransientError, match="open"):
            sink.write([batch])
        producer.commit_transaction(30)
    with new_sink(stack, keyspace) as sink:
        assert sink.write([batch]) == []
        source.version = 2
        (refusal,) = sink.write([source.batch([("k", {"a": 1})])])
        assert refusal.error.reason == Reason.UNKNOWN_SCHEMA


def test_a_schema_that_was_made_anew_needs_no_restart(
    stack: Stack, keyspace: str, one_sink: SourceSink, source: SourceTopic, session: Session
) -> None:
    source.version = 6
    source.declare({"a": "number"})
    assert one_sink.write([source.batch([("k", {"a": 1})])]) == []
    source.version = 0
    source.declare({"b": "text"})
    batch = source.batch([("k", {"b": "x"}), ("l", {"c": 1}), ("m", {"b": "y"})], 1)
    (refusal,) = one_sink.write([batch])
    assert (refusal.index, refusal.error.reason) == (1, Reason.INVALID_RECORD)
    assert source.rows(session) == {"k": {"b": "x"}, "m": {"b": "y"}}

    with new_sink(stack, keyspace, again=3_600) as sink:
        # The first reads the schemas anyway, and the second has its look.
        for offset in (4, 5):
            assert len(sink.write([source.batch([("n", {"c": 1})], offset)])) == 1
        source.declare({"b": "text", "c": "number"})
        source.version = 1
        assert len(sink.write([source.batch([("n", {"c": 1})], 6)])) == 1


def test_the_time_to_live_that_is_set_comes_to_a_table_that_is_there(
    stack: Stack, keyspace: str, source: SourceTopic, session: Session
) -> None:
    source.declare({"a": "number"})
    for days in (0, 2):
        with new_sink(stack, keyspace, sources_ttl_days=days) as sink:
            sink.write([source.batch([("k", {"a": 1})])])
    (left,) = session.execute(f"SELECT ttl(a) FROM {source.table}").one()  # noqa: S608 - a name of ours
    assert 2 * 86_400 - 600 < left <= 2 * 86_400
