"""The sink: records of a flush to rows, rows to Cassandra; what Cassandra refuses is found by halving."""

import time
from collections.abc import Sequence

from headrace.errors import TerminalError
from headrace.refusal import Refusal
from headrace.sink import Sink
from headrace.streams.batch import Batch
from headrace.subjects.erased import ErasedSubjects
from sink_cassandra.cassandra_store import CassandraStore
from sink_cassandra.flush_rows import rows_of
from sink_cassandra.latency import latencies
from sink_cassandra.metrics import SinkMetrics


class CassandraSink(Sink):
    """Full-key upserts with write times taken from the records, so writing twice is writing once."""

    def __init__(self, store: CassandraStore, metrics: SinkMetrics, erased: ErasedSubjects) -> None:
        self._store = store
        self._metrics = metrics
        self._erased = erased

    def setup(self) -> None:
        # Before the first record: one that was read before may be of a subject that is erased since.
        self._erased.start()
        self._store.connect()

    def write(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        begun = time.perf_counter()
        refusals = self._write(batches)
        self._metrics.observe(time.perf_counter() - begun, latencies(batches, time.time_ns() // 1_000))
        return refusals

    def close(self) -> None:
        self._erased.stop()
        self._store.close()

    def _write(self, batches: Sequence[Batch]) -> list[Refusal]:
        rows, refusals = rows_of(batches, self._erased)
        try:
            self._store.write(rows)
        except TerminalError as error:
            if sum(map(len, batches)) > 1:
                return [refusal for half in halves(batches) for refusal in self._write(half)]
            # Were it the tables that are wrong, every record would be refused.
            self._store.check_tables()
            return [Refusal(batches[0], 0, error)]
        self._metrics.skip(rows.skipped)
        return refusals


def halves(batches: Sequence[Batch]) -> tuple[list[Batch], list[Batch]]:
    """Cuts batches of at least two records in all into two parts, neither of them empty."""
    middle = sum(map(len, batches)) // 2
    first: list[Batch] = []
    second: list[Batch] = []
    for batch in batches:
        cut = min(len(batch), max(0, middle))
        middle -= len(batch)
        if cut:
            first.append(part_of(batch, 0, cut))
        if cut < len(batch):
            second.append(part_of(batch, cut, len(batch)))
    return first, second


def part_of(batch: Batch, start: int, stop: int) -> Batch:
    """Records `start` to `stop` of a batch."""
    return Batch(
        topic=batch.topic,
        partition=batch.partition,
        offsets=batch.offsets[start:stop],
        timestamps=batch.timestamps[start:stop],
        keys=batch.keys[start:stop],
        values=batch.values[start:stop],
        headers=batch.headers[start:stop],
    )
