"""What is stored of a subject, and what is asked of the store of such rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

Row = tuple[str, bytes]
"""The id of a master key, and what is sealed with it."""
Key = tuple[str, bytes]
"""Site and lookup."""


class Found(NamedTuple):
    """A row of a scan."""

    key: Key
    row: Row


class SubjectRows(Protocol):
    """Rows whose changes all others agree on: `headrace.subjects.subject_table.SubjectTable`.

    All methods raise:
        TransientError: the store does not answer; what was asked to be written is written or not.
    """

    def read(self, keys: Sequence[Key]) -> list[Row | None]:
        """The rows, or None where there is none."""
        ...

    def read_settled(self, key: Key) -> Row | None:
        """The row, after every transaction on it that has begun is ended."""
        ...

    def insert(self, rows: Sequence[tuple[Key, Row]]) -> list[Row]:
        """Makes rows where there are none; the rows that are there then, whoever made them."""
        ...

    def delete(self, key: Key, sealed: bytes) -> bool:
        """Deletes a row that is as expected; whether it was."""
        ...

    def replace(self, changes: Sequence[tuple[Key, bytes, Row]]) -> list[bool]:
        """Replaces rows that are as expected; whether each was."""
        ...

    def scan(self) -> Iterator[Found]:
        """All rows, page by page."""
        ...

    def end_commit_log(self) -> None:
        """Has what was deleted leave the store's log of writes."""
        ...

    def close(self) -> None:
        """Disconnects."""
        ...
