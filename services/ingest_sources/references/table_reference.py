"""Reference data in a table of a database, read whole by a connection that only reads, and again after a time."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, Engine, MetaData, NullPool, Table, create_engine, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.types import NullType

from headrace.clock import Clock
from headrace.errors import TransientError
from ingest_sources.databases.cells import to_rows
from ingest_sources.databases.column_kinds import Kind, kind_of
from ingest_sources.databases.postgres_columns import cell_of
from ingest_sources.references.size import check_size, wrong
from ingest_sources.rows import ROW
from ingest_sources.rules.lookup_model import TableReference

_DRIVERS = {"postgresql": "postgresql+psycopg2", "postgres": "postgresql+psycopg2"}
_POSTGRES: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "headrace lookup",
    "options": "-c default_transaction_read_only=on -c statement_timeout=60000",
}
_AT_ONCE = 20_000


class ReferenceTableOfDatabase:
    """Some columns of a table.

    Raises:
        ReferenceWrong: the address is none that SQLAlchemy has a driver for.
    """

    def __init__(self, reference: TableReference, password: str | None, columns: tuple[str, ...], clock: Clock) -> None:
        self._reference = reference
        self._columns = columns
        self._clock = clock
        self._engine = _engine(reference, password)
        self._read_at = float("-inf")
        self._table = pl.DataFrame()

    def table(self) -> pl.DataFrame:
        """As it is now, or was at most `refresh_seconds` ago.

        Raises:
            ReferenceWrong: there is no such table, or it may not be read.
            TransientError: the database is away.
        """
        now = self._clock.monotonic()
        if now - self._read_at < self._reference.database.refresh_seconds:
            return self._table
        try:
            with self._engine.connect() as connection:
                table = self._read(connection)
        except (OperationalError, InterfaceError) as error:
            raise TransientError(f"{self._reference.title} can't be read now: {_short(error)}") from error
        except SQLAlchemyError as error:
            raise wrong(f"{self._reference.title} can't be read: {_short(error)}") from error
        self._read_at = now
        # Rows that are as they were need not be made ready anew.
        if not table.equals(self._table):
            self._table = table
        return self._table

    def close(self) -> None:
        """Ends the connections."""
        self._engine.dispose()

    def _read(self, connection: Connection) -> pl.DataFrame:
        kinds = self._kinds(connection)
        options = self._reference.database
        table = Table(options.table, MetaData(), *[Column(name, NullType()) for name in kinds], schema=options.schema_)
        columns = [table.c[name] for name in kinds]
        cells = [cell_of(column, kinds[column.name]) for column in columns] if _is_postgres(self._engine) else columns
        statement = select(*cells).limit(self._reference.max_rows + 1)
        found: list[pl.DataFrame] = []
        rows = size = 0
        streamed = connection.execution_options(stream_results=True).execute(statement)
        for part in streamed.partitions(_AT_ONCE):
            found.append(self._part(kinds, part))
            rows, size = rows + len(part), size + int(found[-1].estimated_size())
            check_size(self._reference.title, rows, self._reference.max_rows, size)
        return pl.concat(found).rechunk() if found else self._part(kinds, [])

    def _part(self, kinds: dict[str, Kind], cells: Sequence[Sequence[Any]]) -> pl.DataFrame:
        rows = to_rows(kinds, cells, 1)
        if rows.bad:
            raise wrong(f"{self._reference.title}: {rows.bad[0].detail}")
        return rows.table.drop(ROW)

    def _kinds(self, connection: Connection) -> dict[str, Kind]:
        options = self._reference.database
        inspector = inspect(connection)
        if not inspector.has_table(options.table, options.schema_):
            names = [*inspector.get_table_names(options.schema_), *inspector.get_view_names(options.schema_)]
            raise wrong(f"there is no {self._reference.title}; there is {', '.join(sorted(names)[:30]) or 'none'}")
        known = {column["name"]: column["type"] for column in inspector.get_columns(options.table, options.schema_)}
        if missing := [name for name in self._columns if name not in known]:
            raise wrong(
                f"{self._reference.title} has no column {', '.join(map(repr, missing))}; it has "
                f"{', '.join(map(repr, list(known)[:30]))}"
            )
        return {name: kind_of(known[name]) for name in self._columns}


def _engine(reference: TableReference, password: str | None) -> Engine:
    try:
        url = make_url(reference.database.url)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername), password=password)
        options = _POSTGRES if url.get_backend_name() == "postgresql" else {}
        # What is read once a minute needs no connection in between.
        return create_engine(url, poolclass=NullPool, connect_args=options)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise wrong(f"{reference.title}: no driver is here for {reference.database.url}: {error}") from error


def _is_postgres(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _short(error: SQLAlchemyError) -> str:
    # The driver's own words, without the statement.
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
