"""Changes of a table of a real PostgreSQL: each once, with the values that it has; what is lost is told."""

import random
import re
from collections import defaultdict
from contextlib import closing

import pytest

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.errors import ConfigurationError, TransientError
from headrace.testing import wait_until
from tests.integration.ingest_sources.changed_table import ChangedTable, Event, check_each_once
from tests.integration.ingest_sources.changes_reader import Reader

pytestmark = pytest.mark.integration


@pytest.fixture
def reader(table: ChangedTable) -> Reader:
    return Reader(table)


@pytest.mark.faults
@pytest.mark.parametrize("key_type", ["int", "text"])
def test_ends_at_any_moment_lose_and_double_nothing(postgres: Stack, key_type: str) -> None:
    """A reader that ends after a few parts, with or without word of the last one, while somebody writes."""
    chance = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")  # noqa: T201
    with closing(ChangedTable(postgres.postgres_url, key_type)) as table:
        table.insert(0, 400)
        reader = Reader(table, batch_rows=20)
        for _ in range(15):
            for _ in range(chance.randint(0, 6)):
                table.change_at_random(chance, range(420))
            if chance.random() < 0.2:
                table.update(range(0, 400, 5))
            parts = chance.randint(1, 6)
            with closing(reader.feed()) as feed:
                for part in feed.parts(reader.cursor):
                    parts -= 1
                    if part is not None and (parts > 0 or chance.random() < 0.5):
                        reader.commit(feed, part)
                    elif parts <= 0:
                        break
        table.insert(1_000, 1)
        reader.read_to(table.key(1_000))
        numbers = {table.key(number): number for number in table.events}
        delivered: dict[int, list[Event]] = defaultdict(list)
        for row in reader.rows:
            delivered[numbers[row["id"]]].append((str(row["__op"]), row["version"]))  # type: ignore[arg-type]
        check_each_once(table.events, delivered)


def test_snapshot_and_stream_give_values_alike(table: ChangedTable, reader: Reader) -> None:
    table.sql("CREATE DOMAIN cents AS bigint CHECK (value >= 0)")
    columns = {
        "price": ("numeric(10,2)", "1.50"),
        "paid": ("cents", 150),
        "share": ("float8", 0.1),
        "open": ("bool", True),
        "at": ("timestamptz", 1_767_323_045_600_000),
        "day": ("date", "2026-01-02"),
        "local": ("timestamp", "2026-01-02T03:04:05.6"),
        "raw": ("bytea", "00ff"),
        "more": ("jsonb", '{"a": [1, null]}'),
        "tags": ("text[]", '["a b","é"]'),
        "fixed": ("char(3)", "x  "),
        "none": ("int", None),
    }
    for name, (kind, _) in columns.items():
        table.sql(f"ALTER TABLE {{table}} ADD COLUMN {name} {kind}")
    values = (
        "1.5, 150, 0.1, true, '2026-01-02 04:04:05.6+01', '2026-01-02', '2026-01-02 03:04:05.6', '\\x00ff', "
        "'{\"a\": [1, null]}', '{a b,é}', 'x', NULL"
    )
    try:
        table.conn.execute(f"INSERT INTO {table.name} VALUES (1, 1, 'one', {values})".encode())  # noqa: S608
        reader.read(1)
        table.conn.execute(f"INSERT INTO {table.name} VALUES (2, 1, 'one', {values})".encode())  # noqa: S608
        reader.read(1)
    finally:
        table.sql("DROP DOMAIN cents CASCADE")
    expected = {"version": 1, "body": "one", **{name: value for name, (_, value) in columns.items()}}
    for row, op in zip(reader.rows, ("snapshot", "insert"), strict=True):
        assert {name: row[name] for name in expected} == expected
        assert row["__op"] == op
        assert abs(int(str(row["__time"])) - SystemClock().now_us()) < 60_000_000


def test_snapshot_of_large_rows_behind_small_ones_comes_in_smaller_parts(table: ChangedTable, reader: Reader) -> None:
    table.sql("INSERT INTO {table} SELECT n, 1, 'x' FROM generate_series(1, 3000) n")
    table.sql("INSERT INTO {table} SELECT n, 1, repeat('x', 100000) FROM generate_series(3001, 3400) n")
    counts: list[int] = []
    sizes: list[int] = []
    with closing(reader.feed()) as feed:
        for part in feed.parts(None):
            tables = [section.rows.table for section in part.sections] if part is not None else []
            counts += [table.height for table in tables]
            sizes += [int(table.estimated_size()) for table in tables]
            if sum(counts) == 3_400:
                break
    # 16 MiB, and 200 rows of one fetch.
    assert max(sizes) < (16 << 20) + 200 * 100_000


def test_changed_table_goes_on_with_its_new_columns(table: ChangedTable, reader: Reader) -> None:
    """Columns that come and go, one of a type that was made meanwhile, a truncation, and a time that has no place."""
    reader.read(0)
    table.sql("INSERT INTO {table} VALUES (1, 1, 'a')")
    table.sql("CREATE DOMAIN percent AS int")
    try:
        table.sql("ALTER TABLE {table} ADD COLUMN share percent DEFAULT 7, DROP COLUMN body")
        table.sql("UPDATE {table} SET id = 2")
        table.sql("ALTER TABLE {table} ADD COLUMN at timestamptz")
        table.sql("UPDATE {table} SET at = 'infinity'")
        table.sql("TRUNCATE {table}")
        table.sql("INSERT INTO {table} VALUES (3, 1, 8)")
        reader.read(6)
    finally:
        table.sql("DROP DOMAIN percent CASCADE")
    own = ("__row__", "__lsn", "__time")
    assert [{name: v for name, v in row.items() if name not in own} for row in reader.rows] == [
        {"id": 1, "version": 1, "body": "a", "__op": "insert"},
        {"id": 1, "version": None, "share": None, "__op": "delete"},
        {"id": 2, "version": 1, "share": 7, "__op": "insert"},
        {"id": 3, "version": 1, "share": 8, "at": None, "__op": "insert"},
    ]
    assert [row["__row__"] for row in reader.rows] == [1, 2, 3, 6]
    assert reader.details[0].startswith("at: no time")
    assert "was truncated" in reader.details[1]


def test_partitions_come_as_the_table_they_are_of(table: ChangedTable, reader: Reader) -> None:
    table.sql("DROP TABLE {table}")
    table.sql("CREATE TABLE {table} (id int PRIMARY KEY, version int, body text) PARTITION BY RANGE (id)")
    for number in (0, 1):
        bounds = f"FROM ({number * 10}) TO ({number * 10 + 10})"
        table.sql(f"CREATE TABLE {table.name}_{number} PARTITION OF {{table}} FOR VALUES {bounds}")
    table.insert(5, 2)
    reader.read(2)
    table.sql("UPDATE {table} SET id = id + 10 WHERE id = 5")
    reader.read(2)
    assert [(row["__op"], row["id"]) for row in reader.rows] == [
        ("snapshot", 5),
        ("snapshot", 6),
        ("delete", 5),
        ("insert", 15),
    ]


def test_slot_moves_with_what_is_committed_and_past_other_tables(table: ChangedTable, reader: Reader) -> None:
    reader.read(0)
    with closing(reader.feed()) as feed:
        parts = feed.parts(reader.cursor)
        next(parts)
        before = table.safe_lsn()
        table.insert(0, 3)
        table.sql(f"CREATE TABLE {table.name}_other AS SELECT 1 AS id")
        part = next(part for part in parts if part is not None)
        for _ in range(5):
            # Time for signs of life of both ends.
            assert next(parts) is None or table.safe_lsn() == before
        assert table.safe_lsn() == before
        feed.committed(part)
        wait_until(lambda: table.safe_lsn() > before, "the slot to move")
        table.sql(f"DROP TABLE {table.name}_other")
        end = table.lsn()
        for part in (part for part in parts if part is not None):
            assert part.sections == ()
            feed.committed(part)
            if part.cursor["lsn"] >= f"{end >> 32:X}/{end & 0xFFFFFFFF:X}":
                break
        wait_until(lambda: table.safe_lsn() >= end, "the slot to pass what other tables did")


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        (["SELECT pg_drop_replication_slot('{slot}')"], "is gone, and with it the changes after"),
        (
            [
                "SELECT pg_drop_replication_slot('{slot}')",
                "INSERT INTO {table} VALUES (9)",
                "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')",
            ],
            "it was made anew, or somebody else read from it",
        ),
        (["DROP PUBLICATION {table}"], "was dropped: changes since then can't be read"),
        (["ALTER PUBLICATION {table} DROP TABLE {table}"], "ALTER PUBLICATION .* ADD TABLE"),
        (["DROP TABLE {table}"], "there is no table"),
        (["ALTER TABLE {table} REPLICA IDENTITY NOTHING"], "REPLICA IDENTITY DEFAULT"),
        (["ALTER TABLE {table} DROP CONSTRAINT {table}_pkey"], "give it a primary key"),
        (
            [
                "DROP TABLE {table}",
                "CREATE TABLE {table} (id int PRIMARY KEY)",
                "ALTER PUBLICATION {table} ADD TABLE {table}",
            ],
            "is not the table that was read so far",
        ),
    ],
)
def test_what_can_not_be_read_on_is_told_with_the_way_out(
    table: ChangedTable, reader: Reader, statements: list[str], problem: str
) -> None:
    table.insert(0, 1)
    reader.read(1)
    for statement in statements:
        wait_until(lambda: not table.is_read, "the reader's connection to end")
        table.conn.execute(statement.format(table=table.name, slot=table.slot).encode())
    assert re.search(problem, reader.refused())


@pytest.mark.parametrize(("name", "value"), [("system", "1"), ("timeline", 2)])
def test_another_database_of_the_name_is_told(reader: Reader, name: str, value: object) -> None:
    reader.read(0)
    reader.cursor = {**(reader.cursor or {}), name: value}
    assert "it was restored, or another server took over" in reader.refused()


def test_slot_that_another_one_reads_is_waited_for(table: ChangedTable, reader: Reader) -> None:
    reader.read(0)
    with closing(reader.feed()) as feed:
        parts = feed.parts(reader.cursor)
        wait_until(lambda: next(parts) is None and table.is_read, "the other one to read")
        assert "is in use by process" in reader.refused(TransientError)


def test_table_without_what_is_needed_is_refused_with_what_to_do(table: ChangedTable, reader: Reader) -> None:
    table.sql("REVOKE CREATE ON DATABASE headrace FROM headrace")
    try:
        assert f'CREATE PUBLICATION "{table.name}" FOR TABLE' in reader.refused()
    finally:
        table.sql("GRANT CREATE ON DATABASE headrace TO headrace")
    table.sql("ALTER TABLE {table} ALTER COLUMN id TYPE inet USING '::1'::inet")
    assert "has id of a type that a snapshot can't be ordered by" in reader.refused()
    table.sql("ALTER TABLE {table} ALTER COLUMN id TYPE int USING 1, ADD COLUMN __op int")
    assert "has a column __op, which is Headrace's own name" in reader.refused()


def test_wrong_password_and_no_server_are_told_apart_and_no_password_is_shown(reader: Reader) -> None:
    wrong = "hush"
    with closing(reader.feed(password=wrong)) as feed, pytest.raises(ConfigurationError) as raised:
        list(feed.parts(None))
    assert "authentication failed" in str(raised.value)
    assert wrong not in str(raised.value)
    with closing(reader.feed(port="1")) as feed, pytest.raises(TransientError):
        list(feed.parts(None))


def test_without_a_snapshot_it_begins_with_the_slot(table: ChangedTable) -> None:
    reader = Reader(table, snapshot=False)
    table.insert(0, 5)
    reader.read(0)
    table.insert(5, 2)
    reader.read(2)
    assert [row["id"] for row in reader.rows] == [5, 6]


def test_sample_shows_rows_and_leaves_nothing_behind(table: ChangedTable, reader: Reader) -> None:
    table.insert(0, 3)
    with closing(reader.feed()) as feed:
        part = feed.sample()
    assert part is not None
    assert part.sections[0].rows.table["id"].to_list() == [0, 1, 2]
    assert table.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", table.slot) == []
    assert table.sql("SELECT 1 FROM pg_publication WHERE pubname = %s", table.name) == []
