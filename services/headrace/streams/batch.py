"""What rules see: consecutive records of one partition as columns in, records out."""

from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

Headers = Sequence[tuple[str, bytes]]
Cell = tuple[bytes, bytes | None]
"""A key and its content; None deletes it."""
Cells = MutableMapping[bytes, bytes]
"""All cells of a task."""
ANY_PARTITION = -1


def compact(cells: Cells, changes: Iterable[Cell]) -> None:
    """Brings cells to what a compacted changelog holds after these changes."""
    for key, content in changes:
        if content is None:
            cells.pop(key, None)
        else:
            cells[key] = content


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, as columns of equal length, at least one record.

    Attributes:
        offsets: rising; gaps are possible in compacted and transactional topics.
        timestamps: microseconds UTC of the append to the log; "now" for every rule.
    """

    topic: str
    partition: int
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    def __len__(self) -> int:
        return len(self.offsets)


class OutRecord(NamedTuple):
    """A record to write.

    Rules that keep the key of their input may name its `partition`, where the topic has as many partitions as the
    input: it spares a hash, and an internal topic of few keys stays where its task is.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int = ANY_PARTITION


class TaskState(Protocol):
    """What rules remember of one task, kept as cells: small contents under keys, all of them bytes.

    The engine writes the changed cells into the changelog of the task, in the transaction that also holds the outputs
    and the input offsets. A cell's content must not depend on where checkpoints were cut, and restoring the cells of a
    checkpoint must give a state that goes on as the old one would have, to the bit.
    """

    def take_changes(self) -> Iterable[Cell]:
        """The cells that changed since the last call, each key once; run it to its end."""
        ...

    def restore(self, cells: Cells) -> None:
        """Takes all cells of a checkpoint into a new state; nothing of it counts as changed.

        Called once, also where there is no checkpoint yet; the mapping is the state's own from then on.

        Raises:
            ValueError: a cell is not of this state's schema.
        """
        ...

    def __len__(self) -> int:
        """Keys that are remembered, such as devices; a metric."""
        ...


State = TypeVar("State", bound=TaskState)


class Rules(Protocol[State]):
    """The rules of one stage. They are pure: all they know is the state and the batch, and they touch nothing else.

    State is one object per task, made by `new_state` and changed in place; it is only ever used for its task, in offset
    order. What the rules give must not depend on where batches are cut.

    Attributes:
        state_schema: name and version of what the cells hold, such as `readings/2`; a changelog of another one is
            refused, unless `migrate` takes it.
    """

    state_schema: str

    def new_state(self) -> State:
        """State of a task of which nothing is known."""
        ...

    def process(self, state: State, batch: Batch) -> list[OutRecord]:
        """Takes the batch into the state and returns what follows, in order.

        A record that cannot be processed as it is becomes a dead letter among the outputs and costs itself alone.

        Raises:
            TransientError: it may go well later; nothing of the batch counts and it comes again.
        """
        ...

    def on_idle(self, state: State, now_us: int) -> list[OutRecord]:
        """Returns what is due since no record came for a while; `now_us` is the wall clock. Moves no watermark."""
        ...
