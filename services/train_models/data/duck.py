"""DuckDB as the engine of joins: on one thread, in bounded memory, with the rest on disk, and with no extension."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from train_models.data.blocks import BLOCK_ROWS

DUCKDB = "duckdb-"
"""How the names of folders of rows in excess of the memory begin."""
ROW = "file_row_number"
"""The column with the rows' number in their file, which a view has besides their own."""


def quoted(name: str) -> str:
    """A column's name as an identifier of SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def key_text(name: str, kind: str, table: str = "") -> str:
    """A key's column as text, as `headrace.models.inputs.value_text` writes it: 1.0 of doubles is the 1 of integers.

    Args:
        kind: DuckDB's type of the column.
        table: its name and a dot, where the column's alone could be another's.
    """
    column = table + quoted(name)
    text = f"CAST({column} AS VARCHAR)"
    if kind != "DOUBLE":
        return text
    whole = f"CAST(TRY_CAST({column} AS HUGEINT) AS VARCHAR)"
    return f"CASE WHEN {column} = trunc({column}) THEN COALESCE({whole}, {text}) ELSE {text} END"


def literal(value: float | int | bool | str) -> str:
    """A value as SQL has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"CAST({value!r} AS DOUBLE)" if isinstance(value, float) else str(value)
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def duck(scratch: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose rows in excess of its memory are in a folder that goes with it.

    Raises:
        ConfigurationError: a query of ours met values that it can't take; DuckDB's words say which.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=DUCKDB, dir=scratch) as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        connection = duckdb.connect(":memory:", config=config)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        except duckdb.Error as error:
            raise ConfigurationError(f"the rows can't be joined or aggregated: {error}") from error
        finally:
            connection.close()


def view(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> dict[str, str]:
    """Makes a Parquet file a view with the rows' numbers, and returns its columns: name → DuckDB's type."""
    rows = connection.read_parquet(str(path), file_row_number=True)
    rows.create_view(name)
    return {column: str(kind) for column, kind in zip(rows.columns, rows.types, strict=True) if column != ROW}


def first_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    """The first row of a query."""
    return next(iter(connection.sql(query).limit(1).fetchall()), None)


def batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    """The rows of a query, block by block."""
    yield from connection.sql(query).to_arrow_reader(BLOCK_ROWS)
