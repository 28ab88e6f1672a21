"""Whose records are taken next, of the partitions whose records wait in memory."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from headrace.streams.engine import Partition

P = TypeVar("P", bound=Partition)


class Turns:
    """The stage that waits longest has the next turn, and in it the partition that waits longest.

    A turn is one fetch. So stages that all have enough to do get equally many records, whatever the number of their
    partitions: one that reads what another one writes keeps up with it, where its input does not exceed the other's.

    Args:
        stage_of: the stage that reads a topic.
    """

    def __init__(self, stage_of: Callable[[str], str]) -> None:
        self._stage_of = stage_of
        self._turn = 0
        self._stages: dict[str, int] = {}
        self._partitions: dict[Partition, int] = {}

    def order(self, partitions: Iterable[P]) -> list[P]:
        """The partitions, those first whose turn it is."""
        return sorted(partitions, key=self._last)

    def took(self, partitions: Iterable[Partition]) -> None:
        """Notes of which partitions this turn's records were."""
        self._turn += 1
        for partition in partitions:
            self._partitions[partition] = self._stages[self._stage_of(partition[0])] = self._turn

    def _last(self, partition: Partition) -> tuple[int, int]:
        return self._stages.get(self._stage_of(partition[0]), 0), self._partitions.get(partition, 0)
