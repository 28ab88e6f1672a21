"""What a connector is: it gives parts of a source with the position after each, and hears when one is safe in Kafka."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ingest_sources.rows import Rows

Cursor = Mapping[str, Any]
"""A connector's own position, as JSON can hold it."""


@dataclass(frozen=True)
class Section:
    """Rows of one place.

    Attributes:
        place: a table, a queue, a partition, an address: what dead letters name beside the row's number. No personal
            values and no secrets.
        rows: consecutive; their numbers mean what the connector says.
    """

    place: str
    rows: Rows


@dataclass(frozen=True)
class FeedPart:
    """What is delivered at once: all sections and the position after them, or nothing of it.

    Attributes:
        cursor: a connector that is given it goes on after this part.
        is_end: it ends a run that reads everything: it has no sections, and its cursor begins anew.
    """

    sections: tuple[Section, ...]
    cursor: Cursor
    is_end: bool = False


class Feed(Protocol):
    """A connection to a source. One thread calls it; `close` ends it, whatever happened."""

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        """Gives what follows a position, or everything where there is none.

        Ends where nothing is left for now (a table, an API); a stream never ends and gives None when nothing came
        within a moment (at most 0.2 s), so that the caller can do other things. A part that is empty and has another
        cursor is delivered too.

        Raises:
            TransientError: the other end is away; a new connection goes on after the last part that was delivered.
            ConfigurationError: only a person can mend it; the message says what.
        """
        ...

    def committed(self, part: FeedPart) -> None:
        """The part is safe in Kafka, and never before: a message may be acknowledged, a slot may advance.

        Called for each part, in their order, between two steps of `parts`.

        Raises:
            TransientError: the other end is away. Nothing is lost: what it sends again is known by the cursor.
        """
        ...

    def sample(self) -> FeedPart | None:
        """The first rows as they would come, for a person to look at; changes nothing at the other end.

        Raises:
            TransientError, ConfigurationError: as `parts`.
        """
        ...

    def close(self) -> None:
        """Ends the connection; never raises."""
        ...
