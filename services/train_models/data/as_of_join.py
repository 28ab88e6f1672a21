"""Feature tables beside rows: of each key the newest that was known at the row's time, never one from later."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from train_models.data.data_spec import Join
from train_models.data.duck import ROW, batches, first_row, key_text, quoted, view
from train_models.data.times_in_sql import epoch_us

_KEY, _TIME = quoted("headrace.key"), quoted("headrace.time")
_SHOWN_KEYS = 3


def joined_rows(
    connection: duckdb.DuckDBPyConnection, rows: Path, row_time: str | None, tables: Sequence[tuple[Join, Path]]
) -> Iterator[pa.RecordBatch]:
    """The rows in their order, each with the columns of all tables; nothing where a table has no row of the key so far.

    Args:
        rows, tables: Parquet files.
        row_time: the rows' column with their time; None where they have none, and then no table has.

    Raises:
        ConfigurationError: a column is missing or is there twice, a time can't be read, a table without times has two
            rows of a key, or a table has none of the rows' keys.
    """
    columns = view(connection, "joined_0", rows)
    us = "NULL" if row_time is None else _time_of(connection, "joined_0", row_time, columns)
    connection.execute(
        f"CREATE VIEW row_times AS SELECT {ROW}, {us} AS {_TIME} FROM joined_0"  # noqa: S608 - names are quoted
    )
    shown = [f"joined_0.{quoted(name)}" for name in columns]
    names = list(columns)
    source = f"joined_0 JOIN row_times USING ({ROW})" if row_time else "joined_0"
    for number, (join, path) in enumerate(tables, 1):
        if join.on not in columns:
            raise ConfigurationError(f"join.{number - 1}.on: the rows have no column {join.on!r}")
        taken = _prepare(connection, f"table_{number}", join, path, number - 1)
        _refuse_strangers(connection, key_text(join.on, columns[join.on]), f"table_{number}", join, number - 1)
        if twice := sorted(set(taken) & set(names)):
            raise ConfigurationError(
                f"join.{number - 1}: {', '.join(map(repr, twice))} is a column already: `rename` it in `from`"
            )
        names += taken
        shown += [f"table_{number}.{quoted(name)}" for name in taken]
        source += _join(f"table_{number}", join, columns[join.on])
    order = f"joined_0.{ROW}" if not row_time else ROW
    yield from batches(connection, f"SELECT {', '.join(shown)} FROM {source} ORDER BY {order}")  # noqa: S608


def _join(table: str, join: Join, kind: str) -> str:
    same_key = f"{key_text(join.on, kind, 'joined_0.')} = {table}.{_KEY}"
    if join.time is None:
        return f" LEFT JOIN {table} ON {same_key}"
    return f" ASOF LEFT JOIN {table} ON {same_key} AND row_times.{_TIME} >= {table}.{_TIME}"


def _prepare(connection: duckdb.DuckDBPyConnection, name: str, join: Join, path: Path, number: int) -> list[str]:
    """Makes a table with one row per key and time, the last of those that the source has, and returns its columns."""
    columns = view(connection, f"raw_{name}", path)
    taken = list(join.columns) or [column for column in columns if column not in (join.on, join.time)]
    wanted = [join.on, *taken, *([join.time] if join.time else [])]
    if missing := [column for column in wanted if column not in columns]:
        raise ConfigurationError(
            f"join.{number}: the table has no column {', '.join(map(repr, missing))}; there are {', '.join(columns)}"
        )
    key = key_text(join.on, columns[join.on])
    us = "NULL" if join.time is None else _time_of(connection, f"raw_{name}", join.time, columns)
    if join.time is None:
        _refuse_twice(connection, f"raw_{name}", key, number)
    connection.execute(
        f"CREATE VIEW {name} AS SELECT {', '.join(map(quoted, taken))}, {key} AS {_KEY}, {us} AS {_TIME} "  # noqa: S608
        f"FROM raw_{name} WHERE {quoted(join.on)} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {key}, {us} ORDER BY {ROW} DESC) = 1"
    )
    return taken


def _time_of(connection: duckdb.DuckDBPyConnection, table: str, column: str, columns: dict[str, str]) -> str:
    if column not in columns:
        raise ConfigurationError(
            f"time: there is no column {column!r} that says when a row was known; there are {', '.join(columns)}"
        )
    return epoch_us(connection, table, column, columns[column])


def _refuse_strangers(connection: duckdb.DuckDBPyConnection, key: str, table: str, join: Join, number: int) -> None:
    """Ends a join that would leave every row without the table's columns."""
    shared = f"SELECT 1 FROM (SELECT {key} AS k FROM joined_0) JOIN {table} ON k = {table}.{_KEY}"  # noqa: S608
    if first_row(connection, shared):
        return
    here, there = _some_keys(connection, key, "joined_0"), _some_keys(connection, _KEY, table)
    raise ConfigurationError(
        f"join.{number}.on: no row has a key of the table: {join.on!r} is {here} in the rows, and {there} in the "
        "table; make both the same in their sources, or join on another column"
    )


def _some_keys(connection: duckdb.DuckDBPyConnection, key: str, table: str) -> str:
    query = f"SELECT DISTINCT {key} AS k FROM {table} WHERE k IS NOT NULL ORDER BY 1 LIMIT {_SHOWN_KEYS}"  # noqa: S608
    found = connection.sql(query).fetchall()
    return ", ".join(repr(row[0]) for row in found) or "never given"


def _refuse_twice(connection: duckdb.DuckDBPyConnection, table: str, key: str, number: int) -> None:
    twice = f"SELECT {key} FROM {table} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"  # noqa: S608 - names are quoted
    found = first_row(connection, twice)
    if found:
        raise ConfigurationError(
            f"join.{number}: the table has several rows of {found[0]!r} and no `time` that says which was known when"
        )
