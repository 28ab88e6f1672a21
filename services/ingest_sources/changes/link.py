"""A connection to PostgreSQL that never blocks: whoever waits on it can do other things meanwhile.

psycopg's `pq`, which is libpq as it is. psycopg2 has a class for replication, but that moves the slot by itself: its
`pq_read_replication_message` takes the server's `wal_end` as flushed whenever the LSN of the last message is not above
what was flushed, which is so after each Relation message of pgoutput (its LSN is 0) and after the Begin of a
transaction that began long ago, while transactions that were read before may not be in Kafka yet.
"""

import select
import time
from collections.abc import Generator, Mapping, Sequence
from typing import TypeVar

from psycopg import Error, pq
from psycopg.pq import DiagnosticField, ExecStatus, PollingStatus, abc

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.changes.link_errors import error_of, refusal_of

T = TypeVar("T")
Waiting = Generator[None, None, T]
"""Gives None while it waits."""
Record = tuple[str | None, ...]
_MOMENT_MS = 100
_CONNECT_S = 15.0
_ANSWER_S = 60.0
# Texts as `column_types` and `key_order` know them, in whatever way the server is configured.
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "datestyle": "ISO",
        "intervalstyle": "iso_8601",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "search_path": "pg_catalog",
        # A row that a policy hides would be missing in the snapshot: an error instead.
        "row_security": "off",
        "idle_in_transaction_session_timeout": "0",
        "statement_timeout": "0",
    }.items()
)
_PARAMETERS = {
    "application_name": "headrace",
    "client_encoding": "UTF8",
    "options": _OPTIONS,
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


class Link:
    """A connection; `open` first.

    Args:
        parameters: of libpq, with the password.
        replicates: it takes commands of replication.
    """

    def __init__(self, parameters: Mapping[str, str], replicates: bool = False) -> None:
        self._parameters = {**parameters, **_PARAMETERS, **({"replication": "database"} if replicates else {})}
        self._conn: abc.PGconn | None = None

    def open(self) -> Waiting[None]:
        """Connects.

        Raises:
            TransientError, ConfigurationError: it isn't possible; the message never has the password.
        """
        given = " ".join(f"{name}='{_quoted(value)}'" for name, value in self._parameters.items())
        conn: abc.PGconn = pq.PGconn.connect_start(given.encode())
        self._conn = conn
        until = time.monotonic() + _CONNECT_S
        while (state := conn.connect_poll()) != PollingStatus.OK:
            if state == PollingStatus.FAILED:
                raise refusal_of(conn.get_error_message())
            yield from self._wait(conn, until, select.POLLIN if state == PollingStatus.READING else select.POLLOUT)
        conn.nonblocking = 1

    def rows(self, sql: str, *values: str, answer_s: float = _ANSWER_S) -> Waiting[list[Record]]:
        """The result of a statement as texts.

        Args:
            values: of `$1` and so on; not with commands of replication.

        Raises:
            TransientError, ConfigurationError: it failed.
        """
        result = yield from self._result(sql, values, answer_s)
        return [
            tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
            for row in range(result.ntuples)
        ]

    def start_stream(self, command: str) -> Waiting[None]:
        """Starts replication; then `receive` and `send`.

        Raises:
            TransientError, ConfigurationError: it failed.
        """
        result = yield from self._result(command, (), _ANSWER_S)
        if result.status != ExecStatus.COPY_BOTH:
            raise TransientError(f"the server does not start to stream: {result.status}")

    def receive(self) -> bytes | None:
        """The next message of the stream; None when there is none yet.

        Raises:
            TransientError, ConfigurationError: the stream ended.
        """
        conn = self._connected()
        try:
            size, data = conn.get_copy_data(1)
            if size == 0:
                conn.consume_input()
                size, data = conn.get_copy_data(1)
            if size == 0:
                return None
            if size > 0:
                return bytes(data)
            result = conn.get_result()
        except Error as error:
            raise TransientError(f"the connection is lost: {_line(error)}") from error
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            raise _failed(result)
        raise TransientError("the server ended the stream")

    def send(self, data: bytes) -> None:
        """Sends a message to the stream.

        Raises:
            TransientError: the connection is lost.
        """
        conn = self._connected()
        try:
            conn.put_copy_data(data)
            conn.flush()
        except Error as error:
            raise TransientError(f"the connection is lost: {_line(error)}") from error

    def wait(self) -> bool:
        """Waits a moment for input; returns whether some came."""
        poll = select.poll()
        poll.register(self._connected().socket, select.POLLIN)
        return bool(poll.poll(_MOMENT_MS))

    def close(self) -> None:
        """Ends the connection; never raises."""
        if self._conn is not None:
            self._conn.finish()

    def _result(self, sql: str, values: Sequence[str], answer_s: float) -> Waiting[abc.PGresult]:
        conn = self._connected()
        until = time.monotonic() + answer_s
        try:
            if values:
                conn.send_query_params(sql.encode(), [value.encode() for value in values])
            else:
                conn.send_query(sql.encode())
            while conn.flush():
                yield from self._wait(conn, until, select.POLLIN | select.POLLOUT)
                conn.consume_input()
            return (yield from self._answer(conn, until))
        except Error as error:
            raise TransientError(f"the connection is lost: {_line(error)}") from error

    def _answer(self, conn: abc.PGconn, until: float) -> Waiting[abc.PGresult]:
        last: abc.PGresult | None = None
        while True:
            while conn.is_busy():
                yield from self._wait(conn, until, select.POLLIN)
                conn.consume_input()
            result = conn.get_result()
            if result is None:
                break
            if last is None or last.status != ExecStatus.FATAL_ERROR:
                last = result
            if result.status == ExecStatus.COPY_BOTH:
                return result
        if last is None:
            raise TransientError("the server gave no answer")
        if last.status == ExecStatus.FATAL_ERROR:
            raise _failed(last)
        return last

    def _wait(self, conn: abc.PGconn, until: float, events: int) -> Waiting[None]:
        poll = select.poll()
        poll.register(conn.socket, events)
        while not poll.poll(_MOMENT_MS):
            if time.monotonic() > until:
                raise TransientError(f"{self._parameters.get('host', 'the database')} does not answer")
            yield None

    def _connected(self) -> abc.PGconn:
        if self._conn is None:
            raise TransientError("there is no connection")
        return self._conn


def _failed(result: abc.PGresult) -> TransientError | ConfigurationError:
    parts = [
        (result.error_field(field) or b"").decode(errors="replace")
        for field in (DiagnosticField.SQLSTATE, DiagnosticField.MESSAGE_PRIMARY, DiagnosticField.MESSAGE_HINT)
    ]
    return error_of(*parts)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
