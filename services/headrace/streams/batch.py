"""What rules see: consecutive records of one partition as columns in, records out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

Headers = Sequence[tuple[str, bytes]]
State = TypeVar("State")


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
    """A record to write."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Rules(Protocol[State]):
    """The rules of one processor. They are pure: all they know is the state and the batch, and they touch nothing else.

    State is one object per partition, made by `new_state` and changed in place; it is only ever used for its partition,
    in offset order. What the rules give must not depend on where batches are cut.
    """

    def new_state(self) -> State:
        """State of a partition of which nothing is known."""
        ...

    def process(self, state: State, batch: Batch) -> list[OutRecord]:
        """Takes the batch into the state and returns what follows, in order."""
        ...

    def on_idle(self, state: State, now_us: int) -> list[OutRecord]:
        """Returns what is due since no record came for a while; `now_us` is the wall clock. Moves no watermark."""
        ...
