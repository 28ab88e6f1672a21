"""Rows of a SQL query, by SQLAlchemy."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

import pyarrow as pa  # type: ignore[import-untyped]
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from headrace.errors import ConfigurationError, TransientError
from train_models.data.data_spec import SqlRows
from train_models.data.sources.plain_values import batch_of_rows

_FETCH_ROWS = 10_000
_POSTGRESQL = "postgresql+psycopg"
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
"""Dialect → what makes the next transaction one that can't write; PostgreSQL's has an option of SQLAlchemy."""
_SQLITE_WAITS = ("SQLITE_BUSY", "SQLITE_LOCKED")


def sql_rows(spec: SqlRows, environment: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """The rows, fetched in parts, in a transaction that is rolled back at the end.

    SQLite, PostgreSQL, MySQL, MariaDB and Oracle refuse a query that writes; in another database the user's rights
    alone say what a query may do.

    Raises:
        ConfigurationError: the variable is not set or holds no URL that a driver is installed for, or the database
            refuses the query.
        TransientError: the database does not answer.
    """
    url = environment.get(spec.url_variable)
    if not url:
        raise ConfigurationError(f"sql: the variable {spec.url_variable} is not set: give it SQLAlchemy's URL")
    try:
        address = make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername=_POSTGRESQL)
        engine = create_engine(address, poolclass=NullPool, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        # The text of the error may hold the URL and so its password.
        raise ConfigurationError(f"sql: {spec.url_variable} holds no URL of a known database") from error
    try:
        with engine.connect() as connection:
            reading = _reading(connection)
            with closing(reading.execute(text(spec.query.replace(":", "\\:")))) as result:
                names = list(result.keys())
                for part in result.partitions():
                    yield batch_of_rows(names, [tuple(row) for row in part])
    except DBAPIError as error:
        kind = TransientError if error.connection_invalidated or _is_away(error) else ConfigurationError
        raise kind(f"sql: {error.orig}") from error
    except SQLAlchemyError as error:
        raise ConfigurationError(f"sql: {error}") from error


def _reading(connection: Connection) -> Connection:
    name = connection.dialect.name
    if name == "postgresql":
        return connection.execution_options(yield_per=_FETCH_ROWS, postgresql_readonly=True)
    if name in _READ_ONLY:
        connection.exec_driver_sql(_READ_ONLY[name])
    return connection.execution_options(yield_per=_FETCH_ROWS)


def _is_away(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorname", "").startswith(_SQLITE_WAITS)
    # What PostgreSQL itself answers has a state; a connection that fails has none.
    return type(error.orig).__name__ == "OperationalError" and getattr(error.orig, "sqlstate", "") is None
