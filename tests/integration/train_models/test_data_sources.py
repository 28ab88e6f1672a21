"""Rows of real Kafka, Cassandra and PostgreSQL become the snapshot that they are."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.stack import Stack
from headrace.cassandra import CassandraSettings, new_cluster
from headrace.errors import ConfigurationError
from headrace.kafka import Producer
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction
from headrace.records import Origin, Reading, Record, RowSchema, encode, headers_of
from headrace.streams.batch import ANY_PARTITION, OutRecord
from headrace.streams.transaction import KafkaTransactions
from headrace.topics import Topic, create_topics
from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.snapshots import Snapshot, load_snapshot

pytestmark = pytest.mark.integration

T0 = 1_790_000_000_000_000
Values = list[tuple[bytes | None, list[tuple[str, bytes]]]]


class Log:
    """A topic of a test's own."""

    def __init__(self, stack: Stack, prefix: str = "data", partitions: int = 2) -> None:
        self.brokers = stack.brokers
        self.topic = f"{prefix}.t{uuid.uuid4().hex[:8]}"
        topic = Topic(name=self.topic, about="", key="", record="raw", partitions=partitions, writers=())
        create_topics(stack.brokers, {self.topic: topic})
        self._producer = Producer(stack.brokers, "test")

    def write(self, key: str, value: bytes | None, headers: Sequence[tuple[str, bytes]], topic: str = "") -> None:
        self._producer.produce(topic or self.topic, value, key.encode(), list(headers))
        self._producer.flush(30)

    def write_all(self, records: Sequence[Record], key: str = "k") -> None:
        for record in records:
            self._producer.produce(self.topic, encode(record), key.encode(), headers_of(record))
        self._producer.flush(30)


def reading(number: int, **value: Any) -> Reading:
    value = value or {"number": number / 2}
    origin = Origin("r", 1, number, 2)
    return Reading("home", f"d{number % 3}", "t", T0 + number, "device", T0 + 9, origin, "v1", **value)


def read(stack: Stack, folder: Path, **data: Any) -> Snapshot:
    settings = CassandraSettings(cassandra_port=stack.ports.cassandra)
    places = Places(data=folder, brokers=stack.brokers, cassandra=settings, environment=data.pop("environment", {}))
    return freeze(Data.model_validate({"label": "y", **data}), places)


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = snapshot.table(snapshot.columns).to_pylist()
    return found


@pytest.fixture
def log(stack: Stack) -> Log:
    return Log(stack)


def test_readings_become_rows_in_the_order_of_the_log(stack: Stack, log: Log, tmp_path: Path) -> None:
    log.write_all([reading(number) for number in range(12_000)])
    log.write_all([reading(1, text="on", flags=("odd", "late")), reading(2, boolean=True), reading(3, integer=7)])

    snapshot = read(stack, tmp_path, topic={"name": log.topic})

    found = rows(snapshot)
    assert [row["value"] for row in found] == [*(number / 2 for number in range(12_000)), None, 1.0, 7.0]
    assert found[-3]["text"] == "on" and found[-3]["flags"] == "odd,late"
    assert found[5]["time"] == datetime.fromtimestamp(T0 // 1_000_000, UTC).replace(microsecond=5)
    assert (found[5]["device"], found[5]["origin_offset"], found[5]["unit"]) == ("d2", 5, None)
    ranges = snapshot.about.ranges[log.topic]
    assert sum(end - first for first, end in ranges.values()) == 12_003
    assert snapshot.about.undecodable.count == 0
    assert read(stack, tmp_path, topic={"name": log.topic}).sha256 == snapshot.sha256
    assert load_snapshot(snapshot.sha256, tmp_path).rows == 12_003


def test_a_range_and_some_columns(stack: Stack, log: Log, tmp_path: Path) -> None:
    log.write_all([reading(number) for number in range(20)])
    ranges = read(stack, tmp_path, topic={"name": log.topic}).about.ranges[log.topic]
    partition = next(int(number) for number, (first, end) in ranges.items() if end > first)

    part = {"name": log.topic, "from_offsets": {partition: 5}, "to_offsets": {partition: 8}}
    found = rows(read(stack, tmp_path, topic=part, columns=["value"]))
    assert found == [{"value": 2.5}, {"value": 3.0}, {"value": 3.5}]
    with pytest.raises(ConfigurationError, match="holds offsets 0 up to 20; wanted are 5 up to 21"):
        read(stack, tmp_path, topic={**part, "to_offsets": {partition: 21}})
    with pytest.raises(ConfigurationError, match=r"reading\.v1 has no column speed"):
        read(stack, tmp_path, topic=part, columns=["speed"])
    with pytest.raises(ConfigurationError, match="gave no rows"):
        read(stack, tmp_path, topic={"name": log.topic, "since": "2200-01-01T00:00Z"})
    with pytest.raises(ConfigurationError, match="does not exist"):
        read(stack, tmp_path, topic={"name": "nowhere"})


def test_what_is_not_committed_is_no_row(stack: Stack, log: Log, tmp_path: Path) -> None:
    log.write_all([reading(1)])
    record = reading(2)
    with closing(KafkaTransactions(stack.brokers, f"test-{uuid.uuid4()}")) as transactions:
        transactions.start()
        transactions.produce([OutRecord(log.topic, b"k", encode(record), list(headers_of(record)), ANY_PARTITION)])
        transactions.abort()

    assert [row["value"] for row in rows(read(stack, tmp_path, topic={"name": log.topic}))] == [0.5]


def test_a_few_undecodable_records_are_named_and_many_are_refused(stack: Stack, log: Log, tmp_path: Path) -> None:
    log.write_all([reading(number) for number in range(300)])
    log.write("k", b"{", headers_of(reading(1)))
    log.write("k", b"{}", [("schema", b"reading.v9")])
    log.write("k", None, [])

    snapshot = read(stack, tmp_path, topic={"name": log.topic})

    assert snapshot.rows == 300
    assert snapshot.about.left_out == {"deletions": 1}
    assert snapshot.about.undecodable.count == 2
    named = "\n".join(snapshot.about.undecodable.first)
    assert "/300: " in named and "/301: its schema is 'reading.v9', not reading.v1" in named

    for _ in range(2):
        log.write("k", b"[]", headers_of(reading(1)))
    with pytest.raises(ConfigurationError, match=r"4 of 304 records of .* at most 1% may be: .*/303"):
        read(stack, tmp_path, topic={"name": log.topic})


def test_a_sources_own_topic_has_the_columns_of_its_schema(stack: Stack, tmp_path: Path) -> None:
    log = Log(stack, "sources")
    for version, columns in enumerate(({"Call  Failure": "number"}, {"Call  Failure": "number", "gone": "boolean"}), 1):
        schema = RowSchema(log.topic, "s", version, "{id}", columns, T0)  # type: ignore[arg-type]  # of literals
        log.write(log.topic, encode(schema), headers_of(schema), "sources.schemas")
    for number in range(200):
        row = {"Call  Failure": number, **({"gone": number % 2 == 0} if number >= 100 else {})}
        name = f"{log.topic}.v{2 if number >= 100 else 1}"
        log.write("k", json.dumps(row).encode(), [("schema", name.encode())])
    log.write("k", json.dumps({"Call  Failure": 1}).encode(), [("schema", b"x"), ("source.op", b"delete")])
    log.write("k", b'{"Call  Failure": "many"}', [("schema", log.topic.encode() + b".v1")])

    snapshot = read(stack, tmp_path, topic={"name": log.topic}, rename={"Call  Failure": "failures"})

    found = rows(snapshot)
    assert (found[7], found[100]) == ({"failures": 7.0, "gone": None}, {"failures": 100.0, "gone": True})
    assert snapshot.about.left_out == {"deletions": 1}
    assert "Expected `float | null`, got `str` - at `$.Call  Failure`" in snapshot.about.undecodable.first[0]
    other = Log(stack, "sources")
    other.write("k", b"{}", [])
    with pytest.raises(ConfigurationError, match=r"sources\.schemas has no columns of sources\."):
        read(stack, tmp_path, topic={"name": other.topic})


def test_predictions_have_the_newest_outcome_as_their_label(stack: Stack, log: Log, tmp_path: Path) -> None:
    model = f"m_{uuid.uuid4().hex[:8]}"

    def made(id_: str, features: dict[str, Any], role: Any = "champion", model: str = model) -> None:
        record = Prediction(id_, "home", model, 3, role, T0, features, 0.5, True, 0.4, event_time=T0 - 1)
        log.write(id_, encode(record), headers_of(record), MADE)

    def came(id_: str, label: bool | float, model: str = model) -> None:
        record = Outcome(id_, "home", model, label, T0)
        log.write(id_, encode(record), headers_of(record), OUTCOMES)

    with pytest.raises(ConfigurationError, match=f"{MADE} holds no prediction of {model}"):
        read(stack, tmp_path, predictions={"model": model})
    made("a", {"n": 1, "c": "x"}, "shadow")
    made("a", {"n": 2, "c": "x"})
    made("b", {"n": 2.5, "c": None, "version": 9})
    made("c", {"n": 4})
    made("d", {"n": 5}, model=f"{model}_other")
    with pytest.raises(ConfigurationError, match=f"{OUTCOMES} holds no outcome of {model}"):
        read(stack, tmp_path, predictions={"model": model})
    for id_, label in (("a", False), ("b", True), ("b", False), ("a", True)):
        came(id_, label)
    came("d", True, f"{model}_other")

    snapshot = read(stack, tmp_path, predictions={"model": model})

    found = {row["prediction_id"]: row for row in rows(snapshot)}
    assert {id_: (row["n"], row["c"], row["y"]) for id_, row in found.items()} == {
        "a": (2.0, "x", 1.0),
        "b": (2.5, None, 0.0),
    }
    assert "score" not in snapshot.columns
    assert found["b"]["version"] == 9
    assert found["a"]["made"] == datetime.fromtimestamp(T0 // 1_000_000, UTC)
    assert set(snapshot.about.ranges) == {MADE, OUTCOMES}
    with pytest.raises(ConfigurationError, match="'n' is a feature"):
        read(stack, tmp_path, predictions={"model": model}, label="n")


def test_rows_of_a_cql_query(stack: Stack, tmp_path: Path) -> None:
    cluster = new_cluster(CassandraSettings(cassandra_port=stack.ports.cassandra), 30.0)
    keyspace = f"data_{uuid.uuid4().hex[:8]}"
    try:
        session = cluster.connect()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(
            f"CREATE TABLE {keyspace}.t (k int PRIMARY KEY, u uuid, at timestamp, d decimal, day date, y boolean)"
        )
        insert = session.prepare(f"INSERT INTO {keyspace}.t (k, u, at, d, day, y) VALUES (?, ?, ?, ?, ?, ?)")  # noqa: S608
        for number in range(30):
            session.execute(insert, (number, uuid.UUID(int=number), datetime(2026, 1, 1), None, "2026-02-03", True))
        settings = CassandraSettings(cassandra_port=stack.ports.cassandra, keyspace=keyspace)
        places = Places(data=tmp_path, cassandra=settings)

        def of(query: str) -> Snapshot:
            return freeze(Data.model_validate({"label": "y", "cassandra": {"query": query}}), places)

        found = sorted(rows(of("SELECT * FROM t")), key=lambda row: int(row["k"]))

        assert len(found) == 30
        assert found[3] == {
            "k": 3,
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "d": None,
            "day": "2026-02-03",
            "u": str(uuid.UUID(int=3)),
            "y": True,
        }
        with pytest.raises(ConfigurationError, match="the query is refused"):
            of("SELECT nothing FROM t")
    finally:
        session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")
        cluster.shutdown()


@pytest.fixture
def postgres(stack: Stack) -> Iterator[Stack]:
    """The session's stack with PostgreSQL, for one test."""
    with stack.running("postgres"):
        yield stack


def test_rows_of_postgresql(postgres: Stack, tmp_path: Path) -> None:
    url = postgres.postgres_url
    table = f"t_{uuid.uuid4().hex[:8]}"
    with closing(psycopg.connect(url.replace("postgresql+psycopg2", "postgresql"), autocommit=True)) as connection:
        connection.execute(f"CREATE TABLE {table} (id int, price numeric, at timestamptz, day date, y bool)".encode())
        connection.execute(f"CREATE SEQUENCE {table}_id".encode())
        values = "n, n / 4.0, '2026-01-01 01:00+01', '2026-02-03', n > 5 FROM generate_series(1, 12000) n"
        connection.execute(f"INSERT INTO {table} SELECT {values}".encode())

        def of(query: str) -> Snapshot:
            sql = {"url_variable": "SHOP_URL", "query": query}
            return read(postgres, tmp_path, sql=sql, environment={"SHOP_URL": url})

        found = rows(of(f"SELECT * FROM {table} ORDER BY id"))  # noqa: S608

        assert len(found) == 12_000
        assert found[9] == {
            "id": 10,
            "price": 2.5,
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "day": datetime(2026, 2, 3, tzinfo=UTC),
            "y": True,
        }
        with pytest.raises(ConfigurationError, match="does not exist"):
            of("SELECT * FROM nowhere")
        with pytest.raises(ConfigurationError, match="read-only transaction"):
            of(f"SELECT nextval('{table}_id')")
        empty = f"AS 'DELETE FROM {table}; SELECT 1'"  # noqa: S608
        connection.execute(f"CREATE FUNCTION {table}_empty() RETURNS int LANGUAGE sql VOLATILE {empty}".encode())
        with pytest.raises(ConfigurationError, match="read-only transaction"):
            of(f"SELECT {table}_empty()")
        for query in (
            f"WITH x AS (DELETE FROM {table} RETURNING id) SELECT id FROM x",  # noqa: S608
            f"WITH x AS (SELECT 1) DELETE FROM {table} RETURNING id",  # noqa: S608
            f"WITH x AS (SELECT 1) UPDATE {table} SET y = true RETURNING id",  # noqa: S608
        ):
            with pytest.raises(ConfigurationError, match=r"DECLARE CURSOR must not|syntax error"):
                of(query)
        left = f"SELECT count(*), count(*) FILTER (WHERE y) FROM {table}"  # noqa: S608
        assert connection.execute(left.encode()).fetchone() == (12_000, 11_995)
        connection.execute(f"DROP FUNCTION {table}_empty; DROP TABLE {table}; DROP SEQUENCE {table}_id".encode())
