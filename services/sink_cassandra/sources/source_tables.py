"""The tables of the sources' own topics: made and widened as schemas come, one process at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Session
from cassandra.protocol import RequestValidationException
from cassandra.query import PreparedStatement

from headrace.cassandra_errors import translate
from headrace.clock import Clock
from headrace.errors import Reason, TerminalError, TransientError
from headrace.records import ColumnType, RowSchema
from sink_cassandra.migrate import execute, lease
from sink_cassandra.migration_files import SECONDS_PER_DAY
from sink_cassandra.settings import Settings
from sink_cassandra.sources.names import KEY, column_of, quoted, table_of

LEASE_WAIT_S = 5.0
"""Less than a migration may take: a sink that waits for longer goes on polling, which keeps it in its group."""
REFUSED_AGAIN_S = 30.0
"""For so long a table that Cassandra refused is not asked for again."""
_TYPES: dict[ColumnType, str] = {"number": "decimal", "boolean": "boolean", "text": "text"}
_COLUMNS = "SELECT column_name, type, kind FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
_TABLES = "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
_PARTITION_KEY, _REGULAR = "partition_key", "regular"


@dataclass(frozen=True)
class SourceTable:
    """A table that has all columns of a schema, with the statements that write to it.

    Attributes:
        columns: names in rows, in the order of the markers of `insert`, which begin with the key and end with the
            write time.
    """

    name: str
    schema: RowSchema
    columns: tuple[str, ...]
    insert: PreparedStatement
    delete: PreparedStatement


class SourceTables:
    """The tables of one session. One thread calls it."""

    def __init__(self, session: Session, settings: Settings, clock: Clock) -> None:
        self._session = session
        self._keyspace = settings.keyspace
        self._ttl = settings.sources_ttl_days * SECONDS_PER_DAY
        self._clock = clock
        self._tables: dict[str, SourceTable] = {}
        self._refused: dict[str, tuple[RowSchema, float, str]] = {}

    def of(self, schema: RowSchema) -> SourceTable:
        """The table of a schema, which is made or widened where it has to be.

        Raises:
            TerminalError: Cassandra refuses a column, or the table is another one.
            TransientError: no node answers, the nodes don't agree yet, or another process is at it.
        """
        known = self._tables.get(schema.topic)
        if known is not None and (known.schema is schema or known.schema.columns == schema.columns):
            return known
        self._raise_known_refusal(schema)
        try:
            self._bring_about(schema)
            self._tables[schema.topic] = made = self._prepared(schema)
        except TerminalError as error:
            self._refused[schema.topic] = (schema, self._clock.monotonic() + REFUSED_AGAIN_S, error.detail)
            raise
        except TransientError:
            raise
        except (InvalidRequest, Unauthorized) as error:
            # Somebody drops it just now, or this user may not change tables, which only a person can mend.
            raise TransientError(f"table {table_of(schema.topic)}: {error}") from error
        except Exception as error:
            raise translate(error) from error
        return made

    def forget_changed(self, schema: RowSchema) -> None:
        """Tells a refused row from a table that somebody changed or dropped.

        Raises:
            TransientError: it was changed; `of` mends it.
        """
        table = table_of(schema.topic)
        try:
            is_changed = not _has_all(_wanted(schema), self._found(table))
        except Exception as error:
            raise translate(error) from error
        if is_changed:
            self._tables.pop(schema.topic, None)
            raise TransientError(f"table {table} was changed by somebody else")

    def _raise_known_refusal(self, schema: RowSchema) -> None:
        refused = self._refused.get(schema.topic)
        if refused is not None and refused[0] == schema and self._clock.monotonic() < refused[1]:
            raise TerminalError(Reason.REFUSED_BY_STORE, refused[2])

    def _bring_about(self, schema: RowSchema) -> None:
        table, wanted = table_of(schema.topic), _wanted(schema)
        if not _has_all(wanted, self._found(table)) or self._time_to_live(table) != self._ttl:
            with lease(self._session, self._keyspace, LEASE_WAIT_S):
                self._change(table, wanted)
        _check(table, wanted, self._found(table))

    def _change(self, table: str, wanted: Mapping[str, str]) -> None:
        name = f"{self._keyspace}.{table}"
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in wanted.items())
        self._run(
            f"CREATE TABLE IF NOT EXISTS {name} ({quoted(KEY)} text PRIMARY KEY{', ' if columns else ''}{columns}) "
            f"WITH default_time_to_live = {self._ttl}"
        )
        found = self._found(table)
        # Nothing is done to a table that is not ours.
        _check(table, {column: kind for column, kind in wanted.items() if column in found}, found)
        missing = ", ".join(f"{quoted(c)} {kind}" for c, kind in wanted.items() if c not in found)
        if missing:
            self._run(f"ALTER TABLE {name} ADD IF NOT EXISTS ({missing})")
        if self._time_to_live(table) != self._ttl:
            self._run(f"ALTER TABLE {name} WITH default_time_to_live = {self._ttl}")

    def _run(self, statement: str) -> None:
        try:
            result = execute(self._session, statement)
        except (InvalidRequest, RequestValidationException) as error:
            raise TerminalError(Reason.REFUSED_BY_STORE, f"Cassandra refuses the table: {error}"[:500]) from error
        if not result.response_future.is_schema_agreed:
            raise TransientError("the nodes of Cassandra don't agree on the tables yet")

    def _found(self, table: str) -> dict[str, tuple[str, str]]:
        rows = execute(self._session, _COLUMNS, (self._keyspace, table))
        return {row.column_name: (row.type, row.kind) for row in rows}

    def _time_to_live(self, table: str) -> int | None:
        row = execute(self._session, _TABLES, (self._keyspace, table)).one()
        return None if row is None else int(row.default_time_to_live)

    def _prepared(self, schema: RowSchema) -> SourceTable:
        table = table_of(schema.topic)
        name, columns = f"{self._keyspace}.{table}", tuple(schema.columns)
        names = ", ".join(quoted(column) for column in (KEY, *map(column_of, columns)))
        markers = ", ".join("?" * (1 + len(columns)))
        insert = self._session.prepare(f"INSERT INTO {name} ({names}) VALUES ({markers}) USING TIMESTAMP ?")  # noqa: S608 - names are quoted
        delete = self._session.prepare(f"DELETE FROM {name} USING TIMESTAMP ? WHERE {quoted(KEY)} = ?")  # noqa: S608 - as above
        return SourceTable(table, schema, columns, insert, delete)


def _wanted(schema: RowSchema) -> dict[str, str]:
    return {column_of(name): _TYPES[kind] for name, kind in schema.columns.items()}


def _expected(wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {KEY: ("text", _PARTITION_KEY), **{column: (kind, _REGULAR) for column, kind in wanted.items()}}


def _has_all(wanted: Mapping[str, str], found: Mapping[str, tuple[str, str]]) -> bool:
    return all(found.get(column) == kind for column, kind in _expected(wanted).items())


def _check(table: str, wanted: Mapping[str, str], found: Mapping[str, tuple[str, str]]) -> None:
    expected = _expected(wanted)
    wrong = [f"{name!r} is {found.get(name)}" for name, kind in expected.items() if found.get(name) != kind]
    wrong += [f"{name!r} is a key" for name, (_, kind) in found.items() if kind != _REGULAR and name not in expected]
    if wrong:
        detail = f"table {table} is another one, {'; '.join(wrong)}: rename it, or drop it to have it made anew"
        raise TerminalError(Reason.REFUSED_BY_STORE, detail)
