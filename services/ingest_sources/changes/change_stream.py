"""What the messages of a slot mean for one table: its changes that are not delivered yet, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headrace.errors import ConfigurationError
from ingest_sources.changes import pgoutput
from ingest_sources.changes.change_rows import Change, ChangeRows
from ingest_sources.changes.column_types import ColumnType
from ingest_sources.changes.key_order import Key, key_of
from ingest_sources.changes.lsn import lsn_text
from ingest_sources.changes.pgoutput import UNCHANGED, Begin, Value, Values
from ingest_sources.changes.position import Position
from ingest_sources.changes.table import Column, Table

ANEW = "headrace sources backfill reads the table anew"


@dataclass(frozen=True)
class _Range:
    """Keys up to one, and whether the transaction was in the snapshot under which they were read."""

    upto: Key | None
    is_seen: bool


class ChangeStream:
    """Takes messages from a position on.

    The slot sends transactions in the order of their commits, whole, and again after a crash: those that are delivered
    are known by the LSN of their commits, and within one by how many changes came before.

    Args:
        types: of columns, by OID; complete for each relation that comes.
    """

    def __init__(self, place: Position, table: Table, types: Mapping[int, ColumnType], rows: ChangeRows) -> None:
        self._place = place
        self._table = table
        self._types = types
        self._rows = rows
        self._begin: Begin | None = None
        self._is_delivered = False
        self._known = 0
        self._changes = 0
        self._ranges: Sequence[_Range] = ()
        self._key: tuple[int, ...] = ()

    @property
    def position(self) -> Position:
        """After all that was taken."""
        if self._begin is None or self._is_delivered or not self._changes:
            return replace(self._place, rows=self._rows.number)
        changes = max(self._changes, self._known)
        return replace(self._place, rows=self._rows.number, commit=self._begin.lsn, changes=changes)

    def take(self, message: pgoutput.Message) -> None:
        """One message.

        Raises:
            ConfigurationError: the table is another one now, or what follows the position is not there any more.
        """
        match message:
            case pgoutput.Insert() | pgoutput.Update() | pgoutput.Delete():
                if self._is_new(message.relation):
                    self._change(message)
            case pgoutput.Begin():
                self._start(message)
            case pgoutput.Commit():
                self._end(message)
            case pgoutput.Relation():
                self._relation(message)
            case pgoutput.Truncate():
                if self._table.oid in message.relations and self._is_new(self._table.oid):
                    self._truncate()

    def pass_to(self, lsn: int) -> None:
        """All that was committed before an LSN was taken, as the server says."""
        if self._begin is None and not self._place.commit and lsn > self._place.lsn:
            self._place = self._place.after(lsn, self._rows.number)

    def _start(self, begin: Begin) -> None:
        place = self._place
        self._begin = begin
        self._changes = 0
        self._is_delivered = begin.lsn < place.lsn
        self._known = place.changes if begin.lsn == place.commit else 0
        if place.commit and begin.lsn > place.commit:
            raise ConfigurationError(
                f"slot {place.slot} does not send the transaction at {lsn_text(place.commit)} again, of which "
                f"{place.changes} changes were delivered: changes are lost. {ANEW}"
            )
        snapshot = place.snapshot
        self._ranges = ()
        if snapshot is not None and begin.lsn < snapshot.until:
            seen = [begin.lsn < run.until and run.seen.sees(begin.xid) for run in snapshot.runs]
            if any(seen):
                key_types = [column.type.oid for column in self._table.key]
                uptos = [None if run.upto is None else key_of(run.upto, key_types) for run in snapshot.runs]
                self._ranges = [_Range(*pair) for pair in zip(uptos, seen, strict=True)]

    def _end(self, commit: pgoutput.Commit) -> None:
        if not self._is_delivered:
            self._place = self._place.after(commit.end, self._rows.number)
        self._begin = None

    def _is_new(self, relation: int) -> bool:
        """Whether a change is one of the table that was not delivered."""
        if relation != self._table.oid or self._is_delivered:
            return False
        self._changes += 1
        return self._changes > self._known

    def _relation(self, relation: pgoutput.Relation) -> None:
        table = self._table
        if relation.oid != table.oid:
            if (relation.schema, relation.name) == (table.schema, table.name):
                raise ConfigurationError(f"{table.place} is another table of that name now. {ANEW}")
            return
        self._rows.shape([Column(column.name, self._types[column.type_oid]) for column in relation.columns])
        names = [column.name for column in relation.columns]
        key = [column.name for column in table.key]
        if set(key) <= set(names):
            self._key = tuple(names.index(name) for name in key)
        elif self._place.snapshot is not None:
            raise ConfigurationError(f"the key of {table.place} changed while its snapshot was read. {ANEW}")
        else:
            # Changes of before a column of the key was renamed.
            flagged = [at for at, column in enumerate(relation.columns) if column.is_key]
            self._key = tuple(flagged) if relation.identity != "f" else ()

    def _change(self, change: pgoutput.Insert | pgoutput.Update | pgoutput.Delete) -> None:
        match change:
            case pgoutput.Insert():
                self._add("insert", change.new)
            case pgoutput.Delete():
                self._add("delete", change.old)
            case pgoutput.Update():
                self._update(change)

    def _update(self, update: pgoutput.Update) -> None:
        new, old = update.new, update.old
        if old is None:
            self._add("update", new)
            return
        if UNCHANGED in new:
            new = tuple(o if n is UNCHANGED and o is not None else n for n, o in zip(new, old, strict=True))
        if [old[at] for at in self._key] == [new[at] for at in self._key]:
            self._add("update", new)
        else:
            # Readers by key must hear that the former key is no more.
            self._add("delete", old)
            self._add("insert", new)

    def _truncate(self) -> None:
        if not self._ranges or not all(each.is_seen for each in self._ranges):
            self._rows.refuse(
                f"{self._table.place} was truncated: all rows of before are deleted, of which no single one is told"
            )

    def _add(self, op: str, values: Values) -> None:
        if self._ranges and self._is_in_snapshot(values):
            return
        begin = self._begin
        if begin is None:
            raise ValueError("a change came outside a transaction")
        self._rows.add(Change(op, begin.lsn, begin.time, values))

    def _is_in_snapshot(self, values: Sequence[Value]) -> bool:
        """Whether the row was read when this had happened to it."""
        texts = [value for at in self._key if isinstance(value := values[at], str)]
        key = key_of(texts, [column.type.oid for column in self._table.key])
        return next(each.is_seen for each in self._ranges if each.upto is None or key <= each.upto)
