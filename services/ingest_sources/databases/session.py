"""A connection to a database: short or long transactions that only read, and a way to end what hangs."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from headrace.errors import ConfigurationError

# A peer that is gone without a word is known within half a minute, in whichever direction bytes wait.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# In each transaction, as a pooler may give another session to the next one. Texts are then the same everywhere.
_SETTINGS = text("""
    SELECT set_config('statement_timeout', :timeout, true), set_config('TimeZone', 'UTC', true),
        set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'iso_8601', true),
        set_config('extra_float_digits', '1', true)
""")


def engine_of(url: URL, name: str, password: str | None) -> Engine:
    """What makes connections; none is made yet.

    Args:
        name: of the source: PostgreSQL shows it beside the connection.

    Raises:
        ConfigurationError: no driver for such a URL is installed.
    """
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        defaults = {**_LIBPQ, "application_name": f"headrace/{name}"}
        arguments = {option: value for option, value in defaults.items() if option not in url.query}
    try:
        # Parameters are values of rows, which no message may show.
        return create_engine(
            url.set(password=password) if password else url,
            poolclass=NullPool,
            connect_args=arguments,
            hide_parameters=True,
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"database.url: no driver is installed for {url.drivername} ({error}): install it beside ingest_sources"
        ) from error
    except ArgumentError as error:
        raise ConfigurationError(f"database.url: {error}") from error


class Session:
    """One connection, used by one thread; `interrupt` is for another."""

    def __init__(self, engine: Engine, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_ms = str(int(timeout_s * 1_000))
        self._is_postgres = engine.dialect.name == "postgresql"
        self._connection: Connection | None = None
        self._line: socket.socket | None = None

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction, read-only where the database is PostgreSQL."""
        connection = self._connection or self._connect()
        with connection.begin() as begun:
            if self._is_postgres:
                connection.execute(_SETTINGS, {"timeout": self._timeout_ms})
            yield connection
            begun.rollback()

    def interrupt(self) -> None:
        """Makes a call of the other thread that waits for PostgreSQL fail at once."""
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection; never raises."""
        connection, self._connection = self._connection, None
        line, self._line = self._line, None
        if connection is not None:
            with suppress(Exception):
                connection.invalidate()
                connection.close()
        if line is not None:
            line.close()

    def _connect(self) -> Connection:
        # Before SQLAlchemy's own, which ask the server for its version and more, and may wait for that for ever.
        event.listen(self._engine, "connect", self._connected, insert=True)
        try:
            connection = self._engine.connect()
        finally:
            event.remove(self._engine, "connect", self._connected)
        if self._is_postgres:
            connection = connection.execution_options(postgresql_readonly=True)
        self._connection = connection
        return connection

    def _connected(self, connection: DBAPIConnection, _: object) -> None:
        """Keeps the socket a second time: a driver has no time-out of its own for an answer that doesn't come."""
        number = getattr(connection, "fileno", None) if self._is_postgres else None
        if number is not None:
            self._line = socket.socket(fileno=os.dup(number()))
