"""Writes rows to Cassandra: batches of one partition, a bounded number in flight, every one confirmed."""

from collections import deque
from collections.abc import Iterator, Sequence

from cassandra import InvalidRequest
from cassandra.cluster import Cluster, ResponseFuture, Session
from cassandra.query import PreparedStatement

from headrace.cassandra import new_cluster
from headrace.cassandra_errors import translate
from headrace.errors import ConfigurationError
from sink_cassandra.metrics import StoreCounts
from sink_cassandra.packed_batch import MAX_ROWS, send
from sink_cassandra.packing import routing_key
from sink_cassandra.rows import Partition, Rows, Table
from sink_cassandra.settings import Settings

_READ_ANY = "SELECT site FROM {keyspace}.{table} LIMIT 1"


class CassandraStore:
    """A connection to the tables. One thread calls it."""

    def __init__(self, settings: Settings, counts: StoreCounts) -> None:
        self._settings = settings
        self._counts = counts
        self._cluster: Cluster | None = None
        self._session: Session | None = None
        self._statements: dict[Table, PreparedStatement] = {}

    def connect(self) -> None:
        """Connects and prepares the statements.

        Raises:
            TransientError: no node answers.
            ConfigurationError: a table is missing, or Cassandra refuses the credentials.
        """
        self.close()
        self._cluster = new_cluster(self._settings, self._settings.write_timeout_s)
        try:
            self._session = self._cluster.connect()
            self._statements = {table: self._session.prepare(table.cql(self._settings.keyspace)) for table in Table}
        except InvalidRequest as error:
            self.close()
            raise ConfigurationError(f"{error}; run `python -m sink_cassandra migrate` first") from error
        except Exception as error:
            self.close()
            raise translate(error) from error

    def write(self, rows: Rows) -> None:
        """Writes all rows and returns when each is confirmed.

        Raises:
            TransientError: some batches failed or nobody knows; writing all of them again is right.
            TerminalError: Cassandra refused a batch, as it would again.
        """
        waiting: deque[ResponseFuture] = deque()
        failure: BaseException | None = None
        for (table, partition), chunk in chunks(rows, self._settings.batch_bytes):
            if len(waiting) >= self._settings.in_flight:
                failure = self._outcome(waiting.popleft())
                if failure is not None:
                    break
            waiting.append(self._send(table, partition, chunk))
            self._counts.sent(table.table, len(chunk))
        for future in waiting:
            failure = self._outcome(future) or failure
        if failure is not None:
            raise translate(failure) from failure

    def check_tables(self) -> None:
        """Tells a refused row from tables that are not there.

        Raises:
            ConfigurationError: a table can't be read.
            TransientError: no node answers.
        """
        for table in Table:
            try:
                self._connected().execute(_READ_ANY.format(keyspace=self._settings.keyspace, table=table.table))
            except InvalidRequest as error:
                raise ConfigurationError(f"{error}; run `python -m sink_cassandra migrate` first") from error
            except Exception as error:
                raise translate(error) from error

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()
        self._cluster = self._session = None

    def _send(self, table: Table, partition: bytes, chunk: Sequence[bytes]) -> ResponseFuture:
        return send(
            self._connected(), self._statements[table], routing_key(partition), chunk, self._settings.write_timeout_s
        )

    def _connected(self) -> Session:
        if self._session is None:
            raise RuntimeError("the store is not connected")
        return self._session

    def _outcome(self, future: ResponseFuture) -> BaseException | None:
        try:
            future.result()
        except Exception as error:
            return error
        return None


def chunks(rows: Rows, most_bytes: int) -> Iterator[tuple[Partition, list[bytes]]]:
    """Cuts the rows of each partition into batches of at most `most_bytes`, or of one row that is larger."""
    for partition, packed in rows.by_partition.items():
        chunk: list[bytes] = []
        size = 0
        for row in packed:
            if chunk and (size + len(row) > most_bytes or len(chunk) >= MAX_ROWS):
                yield partition, chunk
                chunk, size = [], 0
            chunk.append(row)
            size += len(row)
        if chunk:
            yield partition, chunk
