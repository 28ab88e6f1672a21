"""Reads a table or a view in its order; where it is, is in Headrace's ledger, so a row counts once."""

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select

from headrace.errors import ConfigurationError
from ingest_sources.databases.batches import Rows, batches, size_of_rows
from ingest_sources.databases.catalogue import Known, look_up
from ingest_sources.databases.cells import to_rows
from ingest_sources.databases.database_source import DatabaseOptions, Incremental
from ingest_sources.databases.errors import explained
from ingest_sources.databases.horizon import Horizon, Horizons
from ingest_sources.databases.key_values import Encoded, encode
from ingest_sources.databases.on_thread import OnThread
from ingest_sources.databases.position import Position
from ingest_sources.databases.session import Session
from ingest_sources.databases.statements import Statements
from ingest_sources.feeds.feed import Cursor, FeedPart, Section

_SAMPLE_ROWS = 1_000
_GRACE_S = 30.0
log = logging.getLogger(__name__)


class DatabaseFeed:
    """One run: what is new, or everything.

    Args:
        engine: nothing is connected yet.
    """

    def __init__(self, engine: Engine, options: DatabaseOptions, incremental: Incremental | None) -> None:
        self._options = options
        self._incremental = incremental
        self._session = Session(engine, options.statement_timeout_s)
        self._thread = OnThread(self._session.interrupt)
        self._ending = threading.Event()

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        return self._on_thread(self._run(Position.of_cursor(cursor)))

    def committed(self, part: FeedPart) -> None:
        """The database is not told."""

    def sample(self) -> FeedPart | None:
        return next((part for part in self._on_thread(self._first_rows()) if part is not None), None)

    def close(self) -> None:
        self._ending.set()
        self._thread.close()
        self._session.close()

    def _on_thread(self, work: Iterator[FeedPart | None]) -> Iterator[FeedPart | None]:
        return self._thread.steps(self._explained(work), self._options.statement_timeout_s + _GRACE_S)

    def _explained(self, work: Iterator[FeedPart | None]) -> Iterator[FeedPart | None]:
        with explained(self._options.place, f"database.statement_timeout_s ({self._options.statement_timeout_s:g} s)"):
            yield from work

    def _run(self, position: Position) -> Iterator[FeedPart | None]:
        known, statements = self._look_up()
        yield None
        position = position.now_of(self._today(known), bool(self._options.columns))
        horizon = Horizon(None)
        if self._incremental:
            horizons = Horizons(
                self._session.transaction, statements, self._incremental, known.order_kinds[0], self._ending.wait
            )
            horizon = yield from horizons.find(position.pending)
            if horizon.pending is not None:
                shown = {"place": self._options.place, "transactions": horizon.pending.running}
                log.warning("rows are left to a later run, as transactions that write go on", extra=shown)
            if horizon.pending != position.pending:
                position = position.with_pending(horizon.pending)
                yield FeedPart((), position.to_cursor())
        if self._incremental is None or horizon.bound is not None:
            yield from self._read(known, statements, position, horizon)
        self._check_marks(known, statements)

    def _today(self, known: Known) -> Position:
        mode = "incremental" if self._incremental else "full"
        of = (mode, self._options.place, *known.order)
        return Position(of=of, kinds=known.kinds, revision=self._options.revision)

    def _look_up(self) -> tuple[Known, Statements]:
        with self._session.transaction() as connection:
            known = look_up(connection, self._options, self._incremental)
        return known, Statements(self._session.dialect, self._options, known)

    def _read(
        self, known: Known, statements: Statements, position: Position, horizon: Horizon
    ) -> Iterator[FeedPart | None]:
        statement = statements.rows(position.key, horizon.bound, horizon.is_below)
        is_begun = position.key is not None
        with self._session.transaction() as connection:
            for rows in self._batches(connection, statement, known, self._options.batch_rows):
                is_begun = True
                keys = self._keys(rows, statements.keys_at, known, position)
                position = position.after(keys, len(rows))
                found = to_rows(known.kinds, rows, position.row - len(rows) + 1)
                yield FeedPart((Section(self._options.place, found),), position.to_cursor())
        if is_begun and self._incremental is None:
            # The end of what reads everything: the next run begins anew.
            yield FeedPart((), position.after(None, 0).to_cursor(), is_end=True)

    def _batches(self, connection: Connection, statement: Select[Any], known: Known, rows: int) -> Iterator[Rows]:
        answer = connection.execute(statement, execution_options={"stream_results": True})
        size_of = size_of_rows(self._session.dialect, [*known.kinds.values(), *known.order_kinds])
        return batches(answer, size_of, rows)

    def _keys(self, rows: Sequence[Sequence[Any]], at: int, known: Known, position: Position) -> tuple[Encoded, ...]:
        """The last row's; those of a view are looked at, as nothing in the database keeps them apart."""
        if not known.is_checked:
            keys = [tuple(row[at:]) for row in rows]
            empty = [name for place, name in enumerate(known.order) if any(key[place] is None for key in keys)]
            if empty:
                raise ConfigurationError(
                    f"column {', '.join(empty)} of {self._options.place} orders rows and is NULL in one"
                )
            if len(set(keys)) < len(keys) or position.key == tuple(map(encode, keys[0])):
                raise ConfigurationError(
                    f"two rows of {self._options.place} have the same {', '.join(known.order)}, so that a kill could "
                    "lose or double one: name columns that tell rows apart"
                )
        return tuple(map(encode, rows[-1][at:]))

    def _check_marks(self, known: Known, statements: Statements) -> None:
        """After the rows, which are delivered whatever is found here."""
        if self._incremental is None or not known.may_lack_marks or self._incremental.null_marks == "skip":
            return
        with self._session.transaction() as connection:
            count = int(connection.scalar(statements.rows_without_mark()) or 0)
        if count:
            raise ConfigurationError(
                f"{self._options.place} has rows ({count:,} at least) whose {self._incremental.column} is NULL, so "
                "that they are never read: give them one and make the column NOT NULL, or set "
                "incremental.null_marks to skip"
            )

    def _first_rows(self) -> Iterator[FeedPart | None]:
        known, statements = self._look_up()
        self._check_marks(known, statements)
        count = min(_SAMPLE_ROWS, self._options.batch_rows)
        statement = statements.rows(None, None, False).limit(count)
        with self._session.transaction() as connection:
            rows = next(self._batches(connection, statement, known, count), [])
        yield FeedPart((Section(self._options.place, to_rows(known.kinds, rows, 1)),), {})
