"""Writes rows of sources to their tables: a bounded number in flight, every one confirmed."""

import struct
from collections import deque
from collections.abc import Iterable

from cassandra import InvalidRequest
from cassandra.cluster import Cluster, ResponseFuture, Session
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType

from headrace.cassandra import new_cluster
from headrace.cassandra_errors import translate
from headrace.clock import Clock
from headrace.errors import ConfigurationError, Reason, TerminalError, TransientError
from headrace.records import RowSchema
from headrace.refusal import Refusal
from sink_cassandra.metrics import StoreCounts
from sink_cassandra.settings import Settings
from sink_cassandra.sources.source_tables import SourceTable, SourceTables
from sink_cassandra.sources.source_write import SourceWrite

_READ_LEASE = "SELECT name FROM {keyspace}.schema_lease LIMIT 1"


class SourceStore:
    """A connection of its own, so that nothing here takes from what writes readings. One thread calls it."""

    def __init__(self, settings: Settings, counts: StoreCounts, clock: Clock) -> None:
        self._settings = settings
        self._counts = counts
        self._clock = clock
        self._cluster: Cluster | None = None
        self._session: Session | None = None
        self._tables: SourceTables | None = None

    def connect(self) -> None:
        """Connects.

        Raises:
            TransientError: no node answers.
            ConfigurationError: the keyspace is missing, or Cassandra refuses the credentials.
        """
        self.close()
        self._cluster = new_cluster(self._settings, self._settings.write_timeout_s)
        try:
            self._session = self._cluster.connect()
            self._session.execute(_READ_LEASE.format(keyspace=self._settings.keyspace))
        except InvalidRequest as error:
            self.close()
            raise ConfigurationError(f"{error}; run `python -m sink_cassandra migrate` first") from error
        except Exception as error:
            self.close()
            raise translate(error) from error
        self._tables = SourceTables(self._session, self._settings, self._clock)

    def write(self, writes: Iterable[SourceWrite]) -> list[Refusal]:
        """Writes rows, returns when each is confirmed or refused, and says which are refused.

        Raises:
            TransientError: some failed or nobody knows; writing all of them again is right.
        """
        waiting: deque[tuple[SourceWrite, ResponseFuture]] = deque()
        refusals: list[Refusal] = []
        outcome = _Outcome()
        for write in writes:
            if len(waiting) >= self._settings.in_flight:
                outcome.take(*waiting.popleft())
                if outcome.failure is not None:
                    break
            try:
                waiting.append((write, self._send(write)))
            except TerminalError as error:
                refusals.append(write.refused(error))
            except TransientError as error:
                outcome.failure = error
                break
        for sent in waiting:
            outcome.take(*sent)
        if outcome.failure is not None:
            raise outcome.failure
        return refusals + self._refusals(outcome.refused)

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()
        self._cluster = self._session = self._tables = None

    def _send(self, write: SourceWrite) -> ResponseFuture:
        session, tables = self._connected()
        table = tables.of(write.schema)
        batch = _batch(table, write)
        self._counts.sent(table.name, 1)
        return session.execute_async(batch)

    def _refusals(self, refused: list[tuple[SourceWrite, TerminalError]]) -> list[Refusal]:
        schemas: dict[str, RowSchema] = {write.schema.topic: write.schema for write, _ in refused}
        for schema in schemas.values():
            self._connected()[1].forget_changed(schema)
        return [write.refused(error) for write, error in refused]

    def _connected(self) -> tuple[Session, SourceTables]:
        if self._session is None or self._tables is None:
            raise RuntimeError("the store is not connected")
        return self._session, self._tables


class _Outcome:
    """What became of the writes that were sent."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.refused: list[tuple[SourceWrite, TerminalError]] = []

    def take(self, write: SourceWrite, future: ResponseFuture) -> None:
        """Waits for the answer."""
        try:
            future.result()
        except Exception as error:
            translated = translate(error)
            if isinstance(translated, TerminalError):
                self.refused.append((write, translated))
            else:
                self.failure = translated


def _batch(table: SourceTable, write: SourceWrite) -> BatchStatement:
    """The row as a whole: all that is older is deleted, so that a value that it lacks is gone, and then it is written.

    Nulls would do as well, but each is a tombstone that every read counts: 2,000 rows of 58 nulls can't be read at
    once any more. A deletion of a whole row costs a dozen bytes of it and no read.
    """
    batch = BatchStatement(BatchType.UNLOGGED)
    batch.is_idempotent = True
    try:
        if write.values is None:
            batch.add(table.delete, (write.time, write.key))
        else:
            values = (write.values.get(column, UNSET_VALUE) for column in table.columns)
            batch.add(table.delete, (write.time - 1, write.key))
            batch.add(table.insert, (write.key, *values, write.time))
    except (TypeError, ValueError, struct.error) as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a value does not fit its column: {error}") from error
    return batch
