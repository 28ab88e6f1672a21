"""How far a database is read, and what must still be so for that to mean anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headrace.errors import ConfigurationError
from ingest_sources.databases.key_values import Encoded

AGAIN = "`headrace sources backfill` reads everything from the beginning"


class Pending(msgspec.Struct, frozen=True):
    """Attributes:
    bound: a mark up to which everything can be read when these transactions have ended.
    since: when the server started; its transactions' names mean nothing at another start.
    running: names of transactions.
    """

    bound: Encoded
    since: str
    running: tuple[str, ...]


class Position(msgspec.Struct, frozen=True):
    """Attributes:
    of: the mode, the table and the columns of the order, to which `key` belongs.
    row: number of the last row that was given.
    key: that of the last row; of a source that is read whole only amid a run.
    kinds: of the columns when they were last read.
    revision: of the source's file when `kinds` were taken.
    pending: what a former run had to leave to a later one.
    """

    of: tuple[str, ...] = ()
    row: int = 0
    key: tuple[Encoded, ...] | None = None
    kinds: Mapping[str, str] = {}
    revision: int = 0
    pending: Pending | None = None

    @classmethod
    def of_cursor(cls, cursor: Mapping[str, Any] | None) -> "Position":
        """From a cursor, or the beginning.

        Raises:
            ConfigurationError: another kind of source had this name.
        """
        try:
            return msgspec.convert(dict(cursor or {}), cls, strict=True)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"the source was of another kind before ({error}): {AGAIN}") from error

    def to_cursor(self) -> dict[str, Any]:
        """As JSON can hold it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def now_of(self, today: "Position", names_columns: bool) -> "Position":
        """The position in what is there today.

        Args:
            today: what it would be at the beginning.
            names_columns: whether the source's file says which columns, so that it may leave some out.

        Raises:
            ConfigurationError: it belongs to another table or another order; a column is gone or its kind is another.
        """
        if self.of not in ((), today.of) and (self.key is not None or self.pending is not None):
            raise ConfigurationError(
                f"the source was read by {_shown(self.of)}, and now is by {_shown(today.of)}: {AGAIN}"
            )
        if self.revision == today.revision:
            self._check_kinds(today, names_columns)
        return msgspec.structs.replace(self, of=today.of, kinds=today.kinds, revision=today.revision)

    def after(self, key: Sequence[Encoded] | None, rows: int) -> "Position":
        """The position after so many rows more; None is the end of a run that reads everything."""
        return msgspec.structs.replace(self, key=None if key is None else tuple(key), row=self.row + rows)

    def with_pending(self, pending: Pending | None) -> "Position":
        return msgspec.structs.replace(self, pending=pending)

    def _check_kinds(self, today: "Position", names_columns: bool) -> None:
        for name, kind in self.kinds.items():
            now = today.kinds.get(name)
            if now != kind and not (now is None and names_columns):
                change = "is not there any more" if now is None else f"is {now} now"
                raise ConfigurationError(
                    f"column {name!r} of {today.of[1]} was {kind} and {change}: look whether the rules and those who "
                    f"read the topic can take that, then set database.revision to {self.revision + 1}"
                )


def _shown(of: Sequence[str]) -> str:
    mode, place, *order = of
    return f"{place} ({mode}, by {', '.join(order)})"
