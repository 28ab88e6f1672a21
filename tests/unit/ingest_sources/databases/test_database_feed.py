"""Tables of SQLite: whole and by a mark, from whichever position; what can't be read right is refused by name."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.dialects import mssql, postgresql

from headrace.errors import ConfigurationError
from ingest_sources.databases.catalogue import Known
from ingest_sources.databases.column_kinds import Kind
from ingest_sources.databases.database_feed import DatabaseFeed
from ingest_sources.databases.database_source import DatabaseOptions, Incremental
from ingest_sources.databases.session import engine_of
from ingest_sources.databases.statements import Statements
from ingest_sources.feeds.feed import FeedPart

ODD = 'or"de rs%s;--'
BY_AT = Incremental(column="at", settle_seconds=0)


class Shop:
    """A database of orders; three of them have the same time."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path
        self.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT, amount REAL)")
        self.add(range(10))

    def execute(self, statement: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.executemany(statement, rows)

    def add(self, ids: Sequence[int]) -> None:
        self.execute("INSERT INTO orders VALUES (?, ?, ?)", [(n, f"2026-01-{n // 3:02}", n / 4) for n in ids])

    def feed(self, incremental: Incremental | None = None, **options: Any) -> DatabaseFeed:
        given = DatabaseOptions(**{"url": self.url, "table": "orders", "batch_rows": 2, **options})
        return DatabaseFeed(engine_of(given.address, "orders", None), given, incremental)

    def parts(self, cursor: Any = None, incremental: Incremental | None = None, **options: Any) -> list[FeedPart]:
        cursor = msgspec.json.decode(msgspec.json.encode(cursor))
        with closing(self.feed(incremental, **options)) as feed:
            return [part for part in feed.parts(cursor) if part is not None]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.db")


def column(parts: Sequence[FeedPart], name: str = "id") -> list[Any]:
    return [cell for part in parts for section in part.sections for cell in section.rows.table[name]]


@pytest.mark.parametrize("incremental", [None, BY_AT], ids=["full", "incremental"])
def test_each_row_once_from_whichever_part_it_goes_on(shop: Shop, incremental: Incremental | None) -> None:
    """Batches of 2 over groups of 3 with the same mark: each end of a batch is amid a group once."""
    parts = shop.parts(None, incremental)
    assert column(parts) == list(range(10))
    assert column(parts, "__row__") == list(range(1, 11))
    for done, part in enumerate(parts[:-1], 1):
        rest = shop.parts(part.cursor, incremental, batch_rows=3)
        assert column([*parts[:done], *rest]) == list(range(10))
        assert column([*parts[:done], *rest], "__row__") == list(range(1, 11))


def test_full_begins_anew_after_its_end_and_row_numbers_go_on(shop: Shop) -> None:
    end = shop.parts()[-1]
    assert end.sections == ()
    cursor = end.cursor
    again = shop.parts(cursor)
    assert column(again) == list(range(10))
    assert column(again, "__row__") == list(range(11, 21))
    shop.add([10])
    assert column(shop.parts(shop.parts()[-1].cursor)) == list(range(11))


def test_incremental_gives_what_is_new(shop: Shop) -> None:
    cursor = shop.parts(None, BY_AT)[-1].cursor
    assert shop.parts(cursor, BY_AT) == []
    shop.execute("UPDATE orders SET at = '2026-02-01' WHERE id IN (7, 2)")
    shop.add([10])
    parts = shop.parts(cursor, BY_AT)
    assert column(parts) == [10, 2, 7]
    assert shop.parts(parts[-1].cursor, BY_AT) == []


def test_names_of_any_kind_are_quoted(shop: Shop) -> None:
    quoted = '"or""de rs%s;--"'
    shop.execute(f'CREATE TABLE {quoted} ({quoted} INTEGER PRIMARY KEY, "select" TEXT)')
    shop.execute(f"INSERT INTO {quoted} VALUES (?, ?)", [(1, "a"), (2, "b"), (3, "c")])  # noqa: S608
    parts = shop.parts(table=ODD, columns=["select", ODD])
    assert column(parts, ODD) == [1, 2, 3]
    assert column(shop.parts(parts[0].cursor, table=ODD, columns=[ODD]), ODD) == [3]


def test_columns_come_as_named_and_their_order_needs_not_be_among_them(shop: Shop) -> None:
    parts = shop.parts(None, BY_AT, columns=["amount"])
    assert parts[0].sections[0].rows.table.columns == ["__row__", "amount"]
    assert column(parts, "amount") == [n / 4 for n in range(10)]


def test_null_marks_are_told_after_the_other_rows_or_accepted(shop: Shop) -> None:
    shop.execute("INSERT INTO orders VALUES (100, NULL, 1)")
    with closing(shop.feed(BY_AT)) as feed:
        parts: list[FeedPart] = []
        with pytest.raises(ConfigurationError, match=r"orders has rows \(1 at least\) whose at is NULL"):
            parts.extend(part for part in feed.parts(None) if part)
    accepted = Incremental(column="at", settle_seconds=0, null_marks="skip")
    assert column(shop.parts(None, accepted)) == column(parts) == list(range(10))
    with closing(shop.feed(BY_AT)) as feed, pytest.raises(ConfigurationError, match="is NULL"):
        feed.sample()


@pytest.mark.parametrize(
    ("options", "incremental", "what"),
    [
        ({"table": "order"}, None, "no 'order'; there are: bare, loose, orders, seen"),
        ({"schema": "public"}, None, "no 'public'; there are: main"),
        ({"columns": ["id", "price"]}, None, "no column 'price'; it has: amount, at, id"),
        ({}, Incremental(column="changed"), "no column 'changed'"),
        ({}, Incremental(column="at", tie_breaker=()), "`incremental.tie_breaker` that have a primary key"),
        ({"table": "bare"}, None, "`database.key` that have a primary key"),
        ({"table": "loose", "key": ["a"]}, None, "may be NULL"),
        ({"table": "seen"}, None, "name columns as `database.key`"),
        ({"table": "seen", "key": ["day"]}, None, "two rows of seen have the same day"),
    ],
)
def test_what_would_lose_or_double_rows_is_refused(
    shop: Shop, options: dict[str, Any], incremental: Incremental | None, what: str
) -> None:
    shop.execute("CREATE TABLE bare (a INTEGER)")
    shop.execute("CREATE TABLE loose (a INTEGER UNIQUE)")
    shop.execute("CREATE VIEW seen AS SELECT id, at AS day FROM orders")
    with pytest.raises(ConfigurationError, match=what):
        shop.parts(None, incremental, **options)


def test_view_is_read_by_the_key_that_is_named(shop: Shop) -> None:
    shop.execute("CREATE VIEW seen AS SELECT id, at FROM orders")
    assert column(shop.parts(table="seen", key=["id"])) == list(range(10))


def test_sample_gives_first_rows(shop: Shop) -> None:
    with closing(shop.feed()) as feed:
        part = feed.sample()
    assert part is not None
    assert column([part]) == [0, 1]


def test_large_rows_come_in_smaller_parts(shop: Shop) -> None:
    shop.execute("CREATE TABLE large (id INTEGER PRIMARY KEY, body TEXT)")
    shop.execute("INSERT INTO large VALUES (?, ?)", [(n, "x" * 1_000_000) for n in range(40)])
    parts = shop.parts(table="large", batch_rows=20)
    sizes = [section.rows.table.height for part in parts for section in part.sections]
    assert (sizes[0], max(sizes[1:]), sum(sizes)) == (20, 17, 40)


def test_large_rows_behind_small_ones_come_in_smaller_parts(shop: Shop) -> None:
    shop.execute("CREATE TABLE grown (id INTEGER PRIMARY KEY, body TEXT)")
    shop.execute("INSERT INTO grown VALUES (?, ?)", [(n, "x" * (100_000 if n > 3_000 else 1)) for n in range(3_400)])
    parts = shop.parts(table="grown", batch_rows=20_000)
    tables = [section.rows.table for part in parts for section in part.sections]
    assert sum(table.height for table in tables) == 3_400
    # 16 MiB, and 200 rows of one fetch.
    assert max(int(table.estimated_size()) for table in tables) < (16 << 20) + 200 * 100_000


def test_sample_of_large_rows_is_as_small_as_a_part(shop: Shop) -> None:
    shop.execute("CREATE TABLE large (id INTEGER PRIMARY KEY, body TEXT)")
    shop.execute("INSERT INTO large VALUES (?, ?)", [(n, "x" * 1_000_000) for n in range(60)])
    with closing(shop.feed(table="large", batch_rows=20_000)) as feed:
        part = feed.sample()
    assert part is not None
    assert len(column([part])) <= 20


def test_infinity_in_a_column_of_integers_refuses_its_row_alone(shop: Shop) -> None:
    shop.execute("CREATE TABLE counted (id INTEGER PRIMARY KEY, n INTEGER)")
    shop.execute("INSERT INTO counted VALUES (1, 7), (2, 9e999), (3, 8)")
    parts = shop.parts(table="counted")
    assert column(parts, "n") == [7, 8]
    assert [row.number for part in parts for section in part.sections for row in section.rows.bad] == [2]


def test_no_driver_is_told() -> None:
    options = DatabaseOptions(url="oracle://db/shop", table="orders")
    with pytest.raises(ConfigurationError, match="no driver is installed for oracle"):
        engine_of(options.address, "orders", None)


def test_key_is_compared_as_a_row_or_column_by_column_where_there_are_no_rows() -> None:
    kinds = (Kind.INTEGER, Kind.INTEGER)
    known = Known({"a": Kind.INTEGER}, ("a", "b"), kinds, is_checked=True, may_lack_marks=False)
    options = DatabaseOptions(url="sqlite://", table="t")

    def where(name: str, dialect: Any) -> str:
        statement = Statements(name, options, known).rows([("int", "1"), ("int", "2")], None, False)
        text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": name != "postgresql"}))
        return " ".join(text.split("WHERE ")[1].split())

    assert where("postgresql", postgresql.dialect()).startswith("(t.a, t.b) > (%(")  # type: ignore[no-untyped-call]
    assert where("mssql", mssql.dialect()) == "t.a > 1 OR t.a = 1 AND t.b > 2 ORDER BY t.a, t.b"  # type: ignore[no-untyped-call]
