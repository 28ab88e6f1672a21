"""Collects changes as rows, until they are a part."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from headrace.errors import ConfigurationError, Reason
from ingest_sources.changes.pgoutput import UNCHANGED, Value
from ingest_sources.changes.table import Column
from ingest_sources.feeds.feed import Section
from ingest_sources.rows import ROW, BadRow, Rows

OP = "__op"
"""snapshot, insert, update or delete."""
LSN = "__lsn"
"""Of the transaction's commit, a number that rises from one to the next; of a snapshot's row, not above theirs."""
TIME = "__time"
"""Of the commit, microseconds UTC; of a snapshot's row, that of the snapshot."""
LEFT_OUT = "__unchanged"
"""Columns, comma-separated, whose values an update left as they were and PostgreSQL did not send."""
OWN = (ROW, OP, LSN, TIME, LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one row.

    Attributes:
        lsn, time: see `LSN` and `TIME`.
        values: as many as there are columns.
    """

    op: str
    lsn: int
    time: int
    values: Sequence[Value]


class ChangeRows:
    """Changes of one table, in sections of the same columns.

    Args:
        place: the table's name.
        marks: rows say which values PostgreSQL did not send, where they would be refused otherwise.
        number: of the last row that was given before.
    """

    def __init__(self, place: str, marks: bool, number: int) -> None:
        self.number = self._taken = number
        self._place = place
        self._marks = marks
        self._columns: tuple[Column, ...] = ()
        self._changes: list[tuple[int, Change]] = []
        self._bad: list[BadRow] = []
        self._sections: list[Section] = []

    def shape(self, columns: Sequence[Column]) -> None:
        """The columns of what follows.

        Raises:
            ConfigurationError: one has a name that is Headrace's own.
        """
        if tuple(columns) == self._columns:
            return
        if own := [column.name for column in columns if column.name in OWN]:
            raise ConfigurationError(
                f"{self._place} has a column {', '.join(own)}, which is Headrace's own name: rename it, or leave it "
                "out of the publication by a list of columns"
            )
        self._close_section()
        self._columns = tuple(columns)

    def add(self, change: Change) -> None:
        """A change's row."""
        self.number += 1
        if UNCHANGED in change.values and not self._marks:
            self._bad.append(self._without_value(change))
        else:
            self._changes.append((self.number, change))

    def refuse(self, detail: str) -> None:
        """A change that has no row."""
        self.number += 1
        self._bad.append(BadRow(self.number, Reason.MALFORMED_ROW, detail, b""))

    @property
    def count(self) -> int:
        """Rows since the last `take`, refused ones among them."""
        return self.number - self._taken

    def take(self) -> tuple[Section, ...]:
        """All that was collected."""
        self._close_section()
        sections, self._sections = self._sections, []
        self._taken = self.number
        return tuple(sections)

    def _close_section(self) -> None:
        if not self._changes and not self._bad:
            return
        table, bad = self._table()
        rows = Rows(table, tuple(sorted((*self._bad, *bad), key=lambda row: row.number)), self.number)
        self._sections.append(Section(self._place, rows))
        self._changes, self._bad = [], []

    def _table(self) -> tuple[pl.DataFrame, list[BadRow]]:
        if not self._changes:
            return pl.DataFrame(schema={ROW: pl.Int64}), []
        changes = [change for _, change in self._changes]
        values = [c.values if UNCHANGED not in c.values else _without_unchanged(c.values) for c in changes]
        texts = list(zip(*values, strict=True))
        columns = [pl.Series(ROW, [number for number, _ in self._changes], dtype=pl.Int64)]
        bad_at: dict[int, str] = {}
        for column, cells in zip(self._columns, texts, strict=True):
            given = pl.Series(column.name, cells, dtype=pl.String)
            found = column.type.convert(given).cast(column.type.dtype).alias(column.name)
            for index in (found.is_null() & given.is_not_null()).arg_true():
                bad_at.setdefault(index, f"{column.name}: no {column.type.kind} that has a place in a record")
            columns.append(found)
        columns += [
            pl.Series(OP, [change.op for change in changes], dtype=pl.String),
            pl.Series(LSN, [change.lsn for change in changes], dtype=pl.Int64),
            pl.Series(TIME, [change.time for change in changes], dtype=pl.Int64),
        ]
        if self._marks:
            columns.append(pl.Series(LEFT_OUT, [self._left_out(change) for change in changes], dtype=pl.String))
        table = pl.DataFrame(columns)
        bad = [
            BadRow(self._changes[at][0], Reason.MALFORMED_ROW, detail, self._as_json(changes[at]))
            for at, detail in bad_at.items()
        ]
        numbers = pl.Series([row.number for row in bad], dtype=pl.Int64)
        return table.filter(~pl.col(ROW).is_in(numbers.implode())) if bad else table, bad

    def _without_value(self, change: Change) -> BadRow:
        detail = (
            f"the update left {self._left_out(change)} unchanged, which PostgreSQL keeps outside the row and did not "
            f"send: ALTER TABLE {self._place} REPLICA IDENTITY FULL makes it send all; `unchanged: mark` takes them"
        )
        return BadRow(self.number, Reason.MALFORMED_ROW, detail, self._as_json(change))

    def _left_out(self, change: Change) -> str | None:
        if UNCHANGED not in change.values:
            return None
        return ",".join(c.name for c, value in zip(self._columns, change.values, strict=True) if value is UNCHANGED)

    def _as_json(self, change: Change) -> bytes:
        cells = {c.name: v for c, v in zip(self._columns, change.values, strict=True) if v is not UNCHANGED}
        own = {OP: change.op, LSN: change.lsn, TIME: change.time}
        return json.dumps({**cells, **own}, ensure_ascii=False, separators=(",", ":")).encode()


def _without_unchanged(values: Sequence[Value]) -> list[Value]:
    return [None if value is UNCHANGED else value for value in values]
