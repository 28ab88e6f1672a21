"""Tables of a real PostgreSQL: each row once, whatever is killed or late; each type exactly; mistakes by name."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError, TransientError
from ingest_sources.app import FeedParts
from ingest_sources.databases.database_source import DatabaseOptions, DatabaseSource
from ingest_sources.databases.session import Session, engine_of
from ingest_sources.feeds.feed import FeedPart
from ingest_sources.settings import Settings
from ingest_sources.source import load_source
from tests.integration.ingest_sources.feed_bench import FeedBench
from tests.integration.ingest_sources.shop_tables import Shop

pytestmark = pytest.mark.integration
ROWS = 25_000
BY_ID = {"column": "id", "wait_seconds": 0.2}
BY_AT = {"column": "at", "settle_seconds": 0, "wait_seconds": 0.2}


@pytest.fixture
def shop(kafka: Stack) -> Shop:
    return Shop(kafka)


@pytest.fixture
def bench(kafka: Stack, tmp_path: Path) -> FeedBench:
    return FeedBench(kafka.brokers, tmp_path)


def configure(bench: FeedBench, shop: Shop, incremental: dict[str, Any] | None) -> None:
    content: dict[str, Any] = {"kind": "database", "database": shop.database(batch_rows=5_000)}
    bench.configure({**content, **({"incremental": incremental} if incremental else {})})
    bench.secret("shop", shop.password)


def column(parts: Sequence[FeedPart], name: str = "id") -> list[Any]:
    return [cell for part in parts for section in part.sections for cell in section.rows.table[name]]


def each_once(count: int) -> dict[str, int]:
    return {str(number): 1 for number in range(1, count + 1)}


@pytest.mark.parametrize(
    ("incremental", "kills"),
    [({**BY_AT, "wait_seconds": 60}, [("produced", 2), ("committed", 1)]), (None, [("committing", 1), ("told", 2)])],
    ids=["incremental", "full"],
)
def test_kill_loses_and_doubles_nothing(
    bench: FeedBench, shop: Shop, incremental: dict[str, Any] | None, kills: list[tuple[str, int]]
) -> None:
    """One run of 6 parts, all of equal marks, over processes of which all but the last are killed."""
    shop.add(ROWS)
    configure(bench, shop, incremental)
    for step, count in kills:
        bench.kill_at(step, count)
    bench.run()
    assert bench.keys() == each_once(ROWS)
    entry = bench.entry()
    assert entry is not None
    assert entry.cursor is not None
    assert (entry.delivered, entry.cursor["row"]) == (ROWS, ROWS)


def test_database_that_is_killed_amid_a_run_is_read_on(
    bench: FeedBench, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(ROWS)
    configure(bench, shop, None)
    for name, value in bench.environment().items():
        monkeypatch.setenv(name, value)
    steps = itertools.count()

    def on_step(step: str) -> None:
        if step == "committed" and next(steps) == 1:
            shop.stack.kill("postgres")

    settings = Settings.load()
    source = load_source(settings.sources / f"{bench.name}.yaml")
    assert isinstance(source, DatabaseSource)
    run = FeedParts(settings, source, threading.Event(), on_step=on_step).start()
    with pytest.raises(TransientError, match=r"orders can't be read"):
        run.run_once()
    assert 0 < run.entry.delivered < ROWS
    with pytest.raises(TransientError, match=r"orders can't be read"):
        run.run_once()
    shop.stack.up("postgres")
    run.run_once()
    assert bench.keys() == each_once(ROWS)


@pytest.mark.parametrize("first", ["INSERT INTO orders DEFAULT VALUES", "SELECT nextval('orders_id_seq')"])
@pytest.mark.parametrize("incremental", [BY_ID, {**BY_AT, "wait_seconds": 0}], ids=["number", "time"])
def test_row_of_a_transaction_that_commits_late_is_delivered_by_a_later_run(
    shop: Shop, incremental: dict[str, Any], first: str
) -> None:
    """It took its number and its time before a row that is seen; who only asked a sequence has no transaction id."""
    # The first number of a sequence costs a transaction id, as it is logged; some that follow don't.
    shop.add(1)
    with closing(shop.connect()) as late:
        cursor = late.cursor()
        cursor.execute(first)
        shop.add(1)
        held = shop.parts(None, incremental)
        assert column(held) == []
        if first.startswith("SELECT"):
            cursor.execute("INSERT INTO orders (id) VALUES (currval('orders_id_seq'))")
        late.commit()
    parts = shop.parts(held[-1].cursor, incremental)
    assert column(parts) == [1, 2, 3]
    assert column(shop.parts(parts[-1].cursor, incremental)) == []


def test_writers_that_overlap_without_end_hold_nothing_back_but_their_own(shop: Shop) -> None:
    with closing(shop.connect()) as first, closing(shop.connect()) as second:
        first.cursor().execute("INSERT INTO orders DEFAULT VALUES")
        shop.add(1)
        held = shop.parts(None, BY_ID)
        second.cursor().execute("INSERT INTO orders DEFAULT VALUES")
        shop.add(1)
        first.commit()
        parts = shop.parts(held[-1].cursor, BY_ID)
        assert column(parts) == [1, 2]
        second.commit()
    assert column(shop.parts(parts[-1].cursor, BY_ID)) == [3, 4]


def test_who_only_reads_is_not_waited_for(shop: Shop) -> None:
    shop.add(3)
    with closing(shop.connect()) as reader:
        reader.cursor().execute("SELECT count(*) FROM orders")
        assert column(shop.parts(None, {**BY_ID, "wait_seconds": 0})) == [1, 2, 3]


def test_times_are_read_up_to_the_clock_of_the_database_less_what_settles(shop: Shop) -> None:
    """A time of tomorrow is read tomorrow, so that it does not hide those of today."""
    shop.add(1, "now() - interval '1 minute'")
    shop.add(1, "now() + interval '1 day'")
    shop.add(1)
    parts = shop.parts(None, {**BY_AT, "settle_seconds": 30})
    assert column(parts) == [1]
    assert column(shop.parts(parts[-1].cursor, BY_AT)) == [3]


# The local time of Oslo, with the pass of the hour that is repeated, and what is read then.
AUTUMN = [
    ("2026-10-25 01:30+02", [1]),
    ("2026-10-25 02:40+02", []),
    ("2026-10-25 02:10+01", []),
    ("2026-10-25 02:50+01", []),
    ("2026-10-25 03:10+01", [3, 2, 4, 5]),
]


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_local_times_of_the_hour_that_is_repeated_are_read_after_it(shop: Shop, kind: str) -> None:
    """The server's clock is one that we set; a row is written just before each run."""
    shop.execute(
        f"CREATE TABLE marked (id serial PRIMARY KEY, at {kind} NOT NULL)",
        "CREATE TABLE now (at timestamptz)",
        "INSERT INTO now VALUES (NULL)",
        f"CREATE FUNCTION {shop.schema}.clock_timestamp() RETURNS timestamptz AS $$ TABLE {shop.schema}.now $$ "
        "LANGUAGE sql",
    )
    url = f"{shop.address()}?options=-csearch_path%3D{shop.schema},pg_catalog"
    incremental = {**BY_AT, "zone": "Europe/Oslo"}
    cursor: Any = None
    for moment, expected in AUTUMN:
        shop.execute(
            f"UPDATE now SET at = '{moment}'",  # noqa: S608
            "INSERT INTO marked (at) SELECT (at - interval '1 second') AT TIME ZONE 'Europe/Oslo' FROM now",
        )
        parts = shop.parts(cursor, incremental, url=url, table="marked")
        assert column(parts) == (expected if kind == "timestamp" else []), moment
        cursor = parts[-1].cursor if parts else cursor
    shop.execute("UPDATE now SET at = '2026-10-26 00:00+01'")
    rest = column(shop.parts(cursor, incremental, url=url, table="marked"))
    assert rest == ([] if kind == "timestamp" else [1, 2, 3, 4, 5])


TYPES: list[tuple[str, str, Any]] = [
    ("boolean", "true", True),
    ("smallint", "-32768", -32768),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("real", "0.1", 0.10000000149011612),
    ("double precision", "'-Infinity'", float("-inf")),
    ("numeric", "12345678901234567890.10", "12345678901234567890.10"),
    ("numeric", "'NaN'", "NaN"),
    ("text", "'Ærø '", "Ærø "),
    ("char(3)", "'a'", "a  "),
    ("timestamptz", "'2026-03-29 03:00:00.000001+02'", 1774746000000001),
    ("timestamptz", "'infinity'", 9223372036854775807),
    ("timestamptz", "'10000-01-01 00:00:00+00'", 253402300800000000),
    ("timestamp", "'2026-03-29 03:00:00.5'", "2026-03-29T03:00:00.500000"),
    ("timestamp", "'-infinity'", "-infinity"),
    ("timestamp", "'0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC"),
    ("date", "'2026-03-29'", "2026-03-29"),
    ("time", "'24:00'", "24:00:00"),
    ("interval", "'1 month 2 days 03:04:05.6'", "P1M2DT3H4M5.6S"),
    ("bytea", "'\\x00ff'", "00ff"),
    ("json", "'{\"a\": 1.10}'", '{"a": 1.10}'),
    ("jsonb", "'[1, null]'", "[1, null]"),
    ("uuid", "'C0FFEE00-0000-4000-8000-000000000001'", "c0ffee00-0000-4000-8000-000000000001"),
    ("int[]", "'{1,NULL}'", "[1,null]"),
    ("text[]", "'{\"a,b\",c}'", '["a,b","c"]'),
    ("inet", "'10.0.0.1'", "10.0.0.1/32"),
    ("int4range", "'[1,5)'", "[1,5)"),
    ("mood", "'glad'", "glad"),
    ("positive", "7", 7),
    ("oid", "4294967295", 4294967295),
]


def test_each_type_comes_exactly(shop: Shop) -> None:
    columns = ", ".join(f"c{place} {kind}" for place, (kind, _, _) in enumerate(TYPES))
    shop.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        f"CREATE TABLE typed (id integer PRIMARY KEY, {columns})",
        f"INSERT INTO typed VALUES (1, {', '.join(value for _, value, _ in TYPES)})",  # noqa: S608
        "INSERT INTO typed (id) VALUES (2)",
    )
    rows = shop.parts(table="typed")[0].sections[0].rows
    assert rows.bad == ()
    found, empty = rows.table.drop("__row__", "id").rows()
    assert list(found) == [cell for _, _, cell in TYPES]
    assert set(empty) == {None}


KEYS: list[tuple[str, list[str]]] = [
    ("timestamptz", ["-infinity", "0044-03-15 00:00:00+00 BC", "2026-03-29 01:00:00.000001+00"]),
    ("timestamp", ["2026-03-29 01:00:00.000001", "infinity"]),
    ("numeric", ["0.10000000000000000000001", "0.10000000000000000000002", "NaN"]),
    ("real", ["0.1", "0.10000001"]),
    ("double precision", ["0.30000000000000004", "NaN"]),
    ("bigint", ["-9223372036854775808", "9007199254740993"]),
    ("uuid", ["00000000-0000-4000-8000-000000000001"]),
    ("date", ["2026-03-28"]),
    ('text COLLATE "en-x-icu"', ["a", "B", "it's \\ %s"]),
    ("char(3)", ["a"]),
    ("mood", ["sad", "glad"]),
    ("bytea", ["\\x00ff"]),
]


def test_keys_of_each_type_go_on_exactly_behind_the_last(shop: Shop) -> None:
    shop.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    for kind, values in KEYS:
        shop.execute("DROP TABLE IF EXISTS keyed", f"CREATE TABLE keyed (k {kind}, n integer, PRIMARY KEY (k, n))")
        with closing(shop.connect()) as connection:
            twice = [(value, value) for value in values]
            connection.cursor().executemany("INSERT INTO keyed VALUES (%s, 1), (%s, 2)", twice)
            connection.commit()
        parts = shop.parts(table="keyed", batch_rows=1)
        whole = list(zip(column(parts, "k"), column(parts, "n"), strict=True))
        assert len(set(map(str, whole))) == 2 * len(values), kind
        for done in range(1, len(whole), 2):
            rest = shop.parts(parts[done - 1].cursor, table="keyed", batch_rows=1)
            assert list(map(str, zip(column(rest, "k"), column(rest, "n"), strict=True))) == list(
                map(str, whole[done:])
            ), kind


def test_view_and_partitioned_table(shop: Shop) -> None:
    shop.add(3)
    shop.execute(
        "CREATE VIEW seen AS SELECT id, id * 2 AS twice FROM orders",
        "CREATE TABLE parted (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "INSERT INTO parted VALUES (1), (2)",
    )
    assert column(shop.parts(table="seen", key=["id"]), "twice") == [2, 4, 6]
    assert column(shop.parts(table="parted")) == [1, 2]


def test_change_of_the_table_is_named(shop: Shop) -> None:
    shop.add(2)
    cursor = shop.parts(None, BY_ID)[-1].cursor
    shop.execute("ALTER TABLE orders ALTER amount TYPE numeric(12, 3), ADD note text")
    shop.parts(cursor, BY_ID)
    shop.execute("ALTER TABLE orders ALTER amount TYPE double precision")
    with pytest.raises(ConfigurationError, match=r"column 'amount' of shop_.*\.orders was decimal and is number"):
        shop.parts(cursor, BY_ID)
    shop.execute("ALTER TABLE orders DROP amount")
    with pytest.raises(ConfigurationError, match=r"column 'amount' .* not there any more"):
        shop.parts(cursor, BY_ID)
    with pytest.raises(ConfigurationError, match="has no column 'amount'; it has: at, id, note"):
        shop.parts(cursor, BY_ID, columns=["amount"])
    assert shop.parts(cursor, BY_ID, revision=1) == []


def test_what_a_person_must_mend_is_told_without_secrets(shop: Shop) -> None:
    shop.add(2)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("lets nobody in .*password authentication failed", {"password": "not-the-one"}),
        ('lets nobody in .*database "nowhere" does not exist', {"url": shop.address("nowhere")}),
        (r"there is no 'shop_.*\.order'; there are: orders", {"table": "order"}),
        ("there is no 'no_schema'", {"schema": "no_schema"}),
    ]
    for what, changes in refused:
        with pytest.raises(ConfigurationError, match=what) as caught:
            shop.parts(**changes)
        assert "not-the-one" not in str(caught.value)
        assert caught.value.__cause__ is None
    shop.execute("REVOKE ALL ON orders FROM CURRENT_USER")
    with pytest.raises(ConfigurationError, match="permission denied for table orders: GRANT SELECT"):
        shop.parts()


def test_value_that_a_view_can_not_convert_is_not_told(shop: Shop) -> None:
    shop.execute("CREATE VIEW seen AS SELECT id, CAST('0815 ' || id AS integer) AS n FROM orders")
    shop.add(1)
    with pytest.raises(ConfigurationError, match=r"seen can't be read: .* \(SQLSTATE 22P02\)") as caught:
        shop.parts(table="seen", key=["id"])
    assert "0815" not in str(caught.value)


def test_large_rows_behind_small_ones_come_in_smaller_parts(shop: Shop) -> None:
    shop.execute(
        "CREATE TABLE grown (id integer PRIMARY KEY, body text)",
        "INSERT INTO grown SELECT n, repeat('x', CASE WHEN n > 3000 THEN 100000 ELSE 1 END) "
        "FROM generate_series(1, 3400) n",
    )
    parts = shop.parts(table="grown")
    tables = [section.rows.table for part in parts for section in part.sections]
    assert column(parts) == list(range(1, 3_401))
    # 16 MiB, and 200 rows of one fetch.
    assert max(int(table.estimated_size()) for table in tables) < (16 << 20) + 200 * 100_000


def test_table_that_is_locked_is_waited_for_and_told(shop: Shop) -> None:
    shop.add(1)
    with closing(shop.connect()) as owner:
        owner.cursor().execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ConfigurationError, match=r"statement_timeout_s \(1 s\)"):
            shop.parts(statement_timeout_s=1)
        with closing(shop.feed()) as feed:
            steps = feed.parts(None)
            assert [next(steps) for _ in range(3)] == [None] * 3
            begun = time.monotonic()
        # The query had 60 s to go, and SIGTERM should not wait for them.
        assert time.monotonic() - begun < 4


def test_nothing_can_be_written(shop: Shop) -> None:
    options = DatabaseOptions.model_validate(shop.database())
    with closing(Session(engine_of(options.address, "orders", shop.password), 5)) as session:
        with pytest.raises(Exception, match="read-only transaction"), session.transaction() as connection:
            connection.execute(text(f"CREATE TABLE {shop.schema}.more (a int)"))
        with session.transaction() as connection:
            assert connection.scalar(text("SHOW application_name")) == "headrace/orders"
            assert connection.scalar(text("SHOW statement_timeout")) == "5s"


@pytest.fixture(autouse=True)
def _postgres_is_up_at_the_end(kafka: Stack) -> Iterator[None]:
    yield
    with suppress(Exception):
        kafka.up("postgres")
