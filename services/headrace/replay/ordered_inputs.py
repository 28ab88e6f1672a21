"""The inputs of a task in the order in which they were appended, as the worker met them."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Protocol

from confluent_kafka import Message

from headrace.range_reader import READ_RECORDS, to_batch
from headrace.streams.batch import Batch


class Reader(Protocol):
    """Gives the records of one partition in a range; `RangeReader` is one."""

    topic: str
    partition: int

    @property
    def is_done(self) -> bool: ...

    def start(self, offset: int, end: int) -> None: ...

    def read(self, max_records: int) -> list[Message]: ...

    def close(self) -> None: ...


class OrderedInputs:
    """Merges one partition number of several topics by append time; of one millisecond, by the order of the topics.

    Args:
        readers: of one partition each.
        max_records: of a batch.
    """

    def __init__(self, readers: Sequence[Reader], max_records: int = READ_RECORDS) -> None:
        self._readers = readers
        self._max_records = max_records
        self._pending: dict[int, Batch] = {}

    @property
    def is_done(self) -> bool:
        """Whether all ranges are read and given."""
        return not self._pending and all(reader.is_done for reader in self._readers)

    def start(self, positions: Mapping[str, int], ends: Mapping[str, int]) -> None:
        """Goes on at these offsets, to read up to others."""
        self._pending.clear()
        for reader in self._readers:
            reader.start(positions[reader.topic], ends[reader.topic])

    def read(self) -> Batch | None:
        """The next records, all of one topic, or None: nothing is there yet, or nothing is left.

        Raises:
            TransientError: the next record was deleted, or Kafka gives nothing.
        """
        for rank, reader in enumerate(self._readers):
            if rank not in self._pending and not reader.is_done:
                if messages := reader.read(self._max_records):
                    self._pending[rank] = to_batch(reader.topic, reader.partition, messages)
                elif not reader.is_done:
                    # What comes of this topic may be older than what is there of the others.
                    return None
        return self._take_earliest() if self._pending else None

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def _take_earliest(self) -> Batch:
        heads = sorted((batch.timestamps[0], rank) for rank, batch in self._pending.items())
        rank = heads[0][1]
        batch = self._pending.pop(rank)
        if len(heads) == 1:
            return batch
        limit, other = heads[1]
        count = (bisect_right if rank < other else bisect_left)(batch.timestamps, limit)
        if count < len(batch):
            self._pending[rank] = _part(batch, slice(count, None))
        return _part(batch, slice(0, count))


def _part(batch: Batch, part: slice) -> Batch:
    return Batch(
        batch.topic,
        batch.partition,
        batch.offsets[part],
        batch.timestamps[part],
        batch.keys[part],
        batch.values[part],
        batch.headers[part],
    )
