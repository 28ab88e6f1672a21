"""The table of subjects in Cassandra: (site, HMAC of a person's name) → subject id and key, sealed with a master key.

Rows are made by light-weight transactions, so that all edges agree on one subject for each person, and are changed and
deleted by such: a plain write could bring a deleted row back.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster, Session
from cassandra.query import PreparedStatement

from headrace.cassandra import CassandraSettings, new_cluster
from headrace.cassandra_errors import translate
from headrace.errors import TerminalError, TransientError
from headrace.subjects.subject_rows import Found, Key, Row, SubjectRows

IN_FLIGHT = 64
_TIMEOUT_S = 5.0
_SCHEMA_TIMEOUT_S = 60.0
_PAUSE_S = 1.0
_PAGE = 1_000
_STATEMENTS = {
    "read": "SELECT master, sealed FROM {table} WHERE site = ? AND lookup = ?",
    "insert": "INSERT INTO {table} (site, lookup, master, sealed) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    "delete": "DELETE FROM {table} WHERE site = ? AND lookup = ? IF sealed = ?",
    "replace": "UPDATE {table} SET master = ?, sealed = ? WHERE site = ? AND lookup = ? IF sealed = ?",
    "all": "SELECT site, lookup, master, sealed FROM {table}",
}


class SubjectTable(SubjectRows):
    """Connects when it is first asked, and again when Cassandra was away. Any thread may ask.

    All methods raise ConfigurationError where Cassandra refuses the credentials.
    """

    def __init__(self, settings: CassandraSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self._session: Session | None = None
        self._prepared: dict[str, PreparedStatement] = {}
        self._failed = -_PAUSE_S
        self._problem = ""

    def read(self, keys: Sequence[Key]) -> list[Row | None]:
        return [_row(rows) for rows in self._run("read", keys)]

    def read_settled(self, key: Key) -> Row | None:
        return _row(self._run("read", [key], ConsistencyLevel.SERIAL)[0])

    def insert(self, rows: Sequence[tuple[Key, Row]]) -> list[Row]:
        answers = self._run("insert", [(*key, *row) for key, row in rows])
        return [row if found[0].applied else _row(found) or row for (_, row), found in zip(rows, answers, strict=True)]

    def delete(self, key: Key, sealed: bytes) -> bool:
        return bool(self._run("delete", [(*key, sealed)])[0][0].applied)

    def replace(self, changes: Sequence[tuple[Key, bytes, Row]]) -> list[bool]:
        answers = self._run("replace", [(*row, *key, expected) for key, expected, row in changes])
        return [bool(rows[0].applied) for rows in answers]

    def scan(self) -> Iterator[Found]:
        session, prepared = self._connected()
        bound = prepared["all"].bind(())
        bound.fetch_size = _PAGE
        try:
            for row in session.execute(bound):
                yield Found((row.site, row.lookup), (row.master, row.sealed))
        except Exception as error:
            raise _meaning(error) from error

    def end_commit_log(self) -> None:
        """Has each node write what its commit log holds to its tables, and delete it.

        Cassandra does so when a table is dropped, and has no other statement for it.
        """
        session, _ = self._connected()
        table = f"{self._settings.keyspace}.commit_log_end"
        try:
            for statement in ("CREATE TABLE IF NOT EXISTS {} (x int PRIMARY KEY)", "DROP TABLE IF EXISTS {}"):
                session.execute(statement.format(table), timeout=_SCHEMA_TIMEOUT_S)
        except Exception as error:
            raise _meaning(error) from error

    def close(self) -> None:
        with self._lock:
            if self._cluster is not None:
                self._cluster.shutdown()
            self._cluster = self._session = None

    def _run(self, name: str, values: Sequence[Sequence[Any]], consistency: int | None = None) -> list[list[Any]]:
        session, prepared = self._connected()
        found: list[list[Any]] = []
        try:
            for start in range(0, len(values), IN_FLIGHT):
                some = values[start : start + IN_FLIGHT]
                waiting = [session.execute_async(_bind(prepared[name], each, consistency)) for each in some]
                found += [list(future.result()) for future in waiting]
        except Exception as error:
            raise _meaning(error) from error
        return found

    def _connected(self) -> tuple[Session, dict[str, PreparedStatement]]:
        with self._lock:
            if self._session is None:
                # Whoever asks while Cassandra is away would wait for the time-out of a connection each.
                if time.monotonic() - self._failed < _PAUSE_S:
                    raise TransientError(self._problem)
                try:
                    self._connect()
                except Exception as error:
                    self._failed, found = time.monotonic(), _meaning(error)
                    self._problem = str(found)
                    raise found from error
            assert self._session is not None  # noqa: S101 - it was just made
            return self._session, self._prepared

    def _connect(self) -> None:
        cluster = new_cluster(self._settings, _TIMEOUT_S)
        try:
            session = cluster.connect()
            table = f"{self._settings.keyspace}.subjects"
            self._prepared = {name: session.prepare(cql.format(table=table)) for name, cql in _STATEMENTS.items()}
        except BaseException:
            cluster.shutdown()
            raise
        self._cluster, self._session = cluster, session


def _meaning(error: BaseException) -> BaseException:
    found = translate(error)
    # No record can be at fault, as all that is asked with is of our making: the tables are not there.
    return TransientError(f"{found}; are the tables there?") if isinstance(found, TerminalError) else found


def _bind(statement: PreparedStatement, values: Sequence[Any], consistency: int | None) -> Any:
    bound = statement.bind(values)
    if consistency is not None:
        bound.consistency_level = consistency
    return bound


def _row(rows: Sequence[Any]) -> Row | None:
    return (rows[0].master, rows[0].sealed) if rows else None
