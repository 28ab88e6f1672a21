"""How far a run may read: not beyond a mark that a row may still get which nobody can see yet."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, text

from ingest_sources.databases.column_kinds import TIMES, Kind
from ingest_sources.databases.database_source import Incremental
from ingest_sources.databases.key_values import Encoded, encode
from ingest_sources.databases.local_clock import passed_until
from ingest_sources.databases.position import Pending
from ingest_sources.databases.statements import Statements

_LOOK_S = 0.1
_PAST = "clock_timestamp() - make_interval(secs => :seconds)"
_TIME = text(f"SELECT CAST({_PAST} AS text)")
_MICROSECONDS = text(f"SELECT CAST(extract(epoch FROM {_PAST}) * 1000000 AS bigint)")  # noqa: S608 - it is ours
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Whoever takes a mark in an INSERT or UPDATE, or from a sequence, has such a lock before and until its end; a snapshot
# doesn't know yet of those without a transaction id, nor of one whose id is above all that have ended. Indices and the
# catalogue (below 16384) are left out: VACUUM and ANALYZE have those. Locks are let go after the rows can be seen. The
# transaction id is what a transaction is known by when it is prepared for a commit in two phases.
_WRITERS = text("""
    SELECT DISTINCT l.virtualtransaction, CAST(x.transactionid AS text)
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation
    LEFT JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction
        AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
    WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock'
        AND l.relation >= 16384 AND c.relkind IN ('r', 'p', 'S')
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")
_STILL_THERE = text("""
    SELECT EXISTS (SELECT FROM pg_locks
        WHERE virtualtransaction IN :names OR CAST(transactionid AS text) IN :names)
""").bindparams(bindparam("names", expanding=True))
_SINCE = text("SELECT CAST(pg_postmaster_start_time() AS text)")
Wait = Callable[[float], bool]
Steps = Generator[None, None, "Horizon"]


@dataclass(frozen=True)
class Horizon:
    """Attributes:
    bound: how far marks are read now; None is nothing.
    is_below: whether they are less than it.
    pending: what is left to the next run.
    """

    bound: Encoded | None
    is_below: bool = False
    pending: Pending | None = None


class Horizons:
    """Finds horizons.

    Args:
        transaction: makes a short transaction.
        wait: waits for so many seconds, less when the process is to end.
    """

    def __init__(
        self, transaction: Callable[[], Any], statements: Statements, options: Incremental, mark: Kind, wait: Wait
    ) -> None:
        self._transaction = transaction
        self._statements = statements
        self._options = options
        self._mark = mark
        self._wait = wait

    def find(self, pending: Pending | None) -> Steps:
        """Looks and waits, in steps.

        Args:
            pending: what a former run left.
        """
        with self._transaction() as connection:
            is_postgres = connection.dialect.name == "postgresql"
            has_locks = is_postgres and not connection.scalar(text("SELECT pg_is_in_recovery()"))
            is_below = is_postgres and self._mark in TIMES
            bound = self._by_clock(connection) if is_below else self._greatest(connection)
            # Looked for after the bound: who has ended by now can be seen.
            running = self._running(connection, bound) if has_locks and bound is not None else None
        if bound is None:
            return Horizon(None)
        if running is None:
            yield from self._pause(0 if is_below else self._options.settle_seconds)
            return Horizon(bound, is_below)
        deadline = time.monotonic() + self._options.wait_seconds
        while not self._is_over(running):
            if time.monotonic() >= deadline:
                return self._left(pending, running, is_below)
            self._wait(_LOOK_S)
            yield
        return Horizon(bound, is_below)

    def _left(self, pending: Pending | None, running: Pending, is_below: bool) -> Horizon:
        if pending is None or pending.since != running.since:
            return Horizon(None, is_below, running)
        if self._is_over(pending):
            return Horizon(pending.bound, is_below, running)
        return Horizon(None, is_below, pending)

    def _by_clock(self, connection: Connection) -> Encoded:
        given = {"seconds": self._options.settle_seconds}
        if self._mark == Kind.TIME:
            return encode(connection.scalar(_TIME, given))
        now = _EPOCH + timedelta(microseconds=int(connection.scalar(_MICROSECONDS, given) or 0))
        passed = passed_until(now, ZoneInfo(self._options.zone))
        return encode(str(passed.date() if self._mark == Kind.DATE else passed))

    def _greatest(self, connection: Connection) -> Encoded | None:
        found = connection.execute(self._statements.greatest_mark()).first()
        return encode(found[0]) if found else None

    def _running(self, connection: Connection, bound: Encoded) -> Pending:
        names = {name for row in connection.execute(_WRITERS) for name in row if name}
        return Pending(bound, str(connection.scalar(_SINCE)), tuple(sorted(names)))

    def _is_over(self, pending: Pending) -> bool:
        if not pending.running:
            return True
        with self._transaction() as connection:
            return not connection.scalar(_STILL_THERE, {"names": list(pending.running)})

    def _pause(self, seconds: float) -> Generator[None, None, None]:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._wait(min(left, _LOOK_S))
            yield
