"""What a task of a replay reads besides its input: without a checkpoint of its own it begins where its range does."""

from collections.abc import Iterator, Sequence

from headrace.streams.batch import Batch, Cells
from headrace.streams.changelog import Logs
from headrace.streams.checkpoint import Checkpoint, InputLog


class RangeLogs:
    """Implements `Logs`.

    Args:
        inner: reads the brokers' logs.
        beginning: the checkpoint of an empty state at the beginning of the range. What was deleted after it, and an
            input that was made again, are found as after any checkpoint.
    """

    def __init__(self, inner: Logs, beginning: Checkpoint) -> None:
        self._inner = inner
        self._beginning = beginning

    def read_changelog(self, topic: str, partition: int, cells: Cells) -> Checkpoint:
        return self._inner.read_changelog(topic, partition, cells) or self._beginning

    def describe_inputs(self, topics: Sequence[str], partition: int) -> dict[str, InputLog]:
        return self._inner.describe_inputs(topics, partition)

    def read_to_end(self, topic: str, partition: int, offset: int) -> Iterator[Batch]:
        return self._inner.read_to_end(topic, partition, offset)
