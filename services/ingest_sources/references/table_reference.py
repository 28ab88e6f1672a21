"""Reference data in a table of a database, read whole by a connection that only reads, and again after a time."""

from collections.abc import Iterator

import polars as pl
from sqlalchemy import Column, Connection, Engine, MetaData, Table, inspect, select
from sqlalchemy.exc import ArgumentError
from sqlalchemy.types import NullType

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from ingest_sources.databases.address import address_of
from ingest_sources.databases.batches import Rows, batches, size_of_rows
from ingest_sources.databases.cells import to_rows
from ingest_sources.databases.column_kinds import Kind, kind_of
from ingest_sources.databases.errors import explained
from ingest_sources.databases.on_thread import OnThread
from ingest_sources.databases.postgres_columns import cell_of
from ingest_sources.databases.session import Session, engine_of
from ingest_sources.references.size import check_size, wrong
from ingest_sources.rows import ROW
from ingest_sources.rules.lookup_model import TableReference
from ingest_sources.rules.steps import ReferenceWrong

_AT_ONCE = 20_000
_STATEMENT_S = 60.0
_GRACE_S = 30.0


class ReferenceTableOfDatabase:
    """Some columns of a table.

    Args:
        statement_s, grace_s: so many seconds PostgreSQL itself gives a statement, and so many more we wait for it.

    Raises:
        ReferenceWrong: the address is none that SQLAlchemy has a driver for.
    """

    def __init__(
        self,
        reference: TableReference,
        password: str | None,
        columns: tuple[str, ...],
        clock: Clock,
        statement_s: float = _STATEMENT_S,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._reference = reference
        self._columns = columns
        self._clock = clock
        self._statement_s = statement_s
        self._grace_s = grace_s
        self._engine = _engine(reference, password)
        self._read_at = float("-inf")
        self._table = pl.DataFrame()

    def table(self) -> pl.DataFrame:
        """As it is now, or was at most `refresh_seconds` ago.

        Raises:
            ReferenceWrong: there is no such table, or it may not be read.
            TransientError: the database is away, or does not answer.
        """
        now = self._clock.monotonic()
        if now - self._read_at < self._reference.database.refresh_seconds:
            return self._table
        try:
            table = self._load()
        except ReferenceWrong:
            raise
        except ConfigurationError as error:
            raise wrong(str(error)) from None
        self._read_at = now
        # Rows that are as they were need not be made ready anew.
        if not table.equals(self._table):
            self._table = table
        return self._table

    def close(self) -> None:
        """Ends the connections."""
        self._engine.dispose()

    def _load(self) -> pl.DataFrame:
        # What is read once a minute needs no connection in between.
        session = Session(self._engine, self._statement_s)
        thread = OnThread(session.interrupt, f"the database of {self._reference.title}")
        try:
            steps = thread.steps(self._steps(session), self._statement_s + self._grace_s)
            return next(table for table in steps if table is not None)
        finally:
            thread.close()
            session.close()

    def _steps(self, session: Session) -> Iterator[pl.DataFrame | None]:
        """None after each step that may take its time, and the table."""
        with explained(self._reference.title, f"{self._statement_s:g} s"), session.transaction() as connection:
            kinds = self._kinds(connection)
            yield None
            yield from self._read(connection, session.dialect, kinds)

    def _read(self, connection: Connection, dialect: str, kinds: dict[str, Kind]) -> Iterator[pl.DataFrame | None]:
        options = self._reference.database
        table = Table(options.table, MetaData(), *[Column(name, NullType()) for name in kinds], schema=options.schema_)
        columns = [table.c[name] for name in kinds]
        cells = [cell_of(column, kinds[column.name]) for column in columns] if dialect == "postgresql" else columns
        statement = select(*cells).limit(self._reference.max_rows + 1)
        answer = connection.execution_options(stream_results=True).execute(statement)
        found: list[pl.DataFrame] = []
        rows = size = 0
        for part in batches(answer, size_of_rows(dialect, list(kinds.values())), _AT_ONCE):
            found.append(self._part(kinds, part))
            rows, size = rows + len(part), size + int(found[-1].estimated_size())
            check_size(self._reference.title, rows, self._reference.max_rows, size)
            yield None
        yield pl.concat(found).rechunk() if found else self._part(kinds, [])

    def _part(self, kinds: dict[str, Kind], cells: Rows) -> pl.DataFrame:
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
        return engine_of(address_of(reference.database.url), "lookup", password)
    except (ArgumentError, ValueError):
        raise wrong(
            f"{reference.title}: its url is no URL; postgresql+psycopg2://reader@db.example:5432/shop is one"
        ) from None
    except ConfigurationError as error:
        raise wrong(f"{reference.title}: {error}") from None
