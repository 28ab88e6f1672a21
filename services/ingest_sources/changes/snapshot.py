"""Reads a table as it is at one moment, in the order of its key; after a crash the rest as it is at another one."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from headrace.errors import ConfigurationError
from ingest_sources.changes.change_rows import Change, ChangeRows
from ingest_sources.changes.key_order import NAMES, ORDERED, TEXTS
from ingest_sources.changes.link import Link, Record, Waiting
from ingest_sources.changes.lsn import parse_lsn
from ingest_sources.changes.names import quoted_name, quoted_text
from ingest_sources.changes.position import Position, Run, Snapshot
from ingest_sources.changes.seen_transactions import Seen
from ingest_sources.changes.table import Column, Table
from ingest_sources.databases.fetch_size import FetchSize
from ingest_sources.feeds.feed import FeedPart

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MOMENT = "SELECT pg_current_snapshot(), pg_current_wal_insert_lsn(), (extract(epoch FROM now()) * 1000000)::bigint"
_FETCH_S = 3_600.0


@dataclass(frozen=True)
class Limits:
    """How much a part has at most."""

    rows: int
    size: int


@dataclass(frozen=True)
class _Moment:
    """Attributes:
    until: LSN from which on no transaction is in the snapshot.
    time: microseconds UTC.
    """

    seen: Seen
    until: int
    time: int


def check_key(table: Table) -> None:
    """That it is known here how PostgreSQL orders the key.

    Raises:
        ConfigurationError: it isn't.
    """
    if unknown := [column.name for column in table.key if column.type.oid not in ORDERED]:
        raise ConfigurationError(
            f"the key of {table.place} has {', '.join(unknown)} of a type that a snapshot can't be ordered by; these "
            f"can: {NAMES}. Say `snapshot: false`"
        )


def begin_snapshot(link: Link, exported: str) -> Waiting[Snapshot]:
    """Begins a transaction that sees what a slot's snapshot sees.

    Raises:
        TransientError, ConfigurationError: it failed.
    """
    yield from link.rows(_BEGIN)
    yield from link.rows(f"SET TRANSACTION SNAPSHOT {quoted_text(exported)}")
    moment = yield from _moment(link)
    return Snapshot(moment.seen)


def read_snapshot(
    link: Link, table: Table, place: Position, marks: bool, limits: Limits
) -> Generator[FeedPart | None, None, Position]:
    """The rows that are not delivered yet, in the order of the key.

    Args:
        link: in the transaction of `begin_snapshot`, or in none: a new one is begun then.

    Returns:
        the position at which all are.
    """
    snapshot = place.snapshot
    if snapshot is None:
        raise ValueError("there is no snapshot to read")
    moment = yield from (_moment(link) if not snapshot.runs else _later_moment(link, snapshot))
    key_at = [table.columns.index(column) for column in table.key]
    yield from link.rows(_declaration(table, snapshot.runs))
    rows = ChangeRows(table.place, marks, place.rows)
    rows.shape(table.columns)
    fetch = FetchSize(limits.rows, limits.size)
    while True:
        records = yield from link.rows(f"FETCH {fetch.next_rows} FROM headrace_rows", answer_s=_FETCH_S)
        for record in records:
            rows.add(Change("snapshot", place.lsn, moment.time, record))
        fetch.took(len(records), _size(records))
        if not records or fetch.is_full:
            last = records[-1] if records else None
            upto = None if last is None else tuple(str(last[at]) for at in key_at)
            runs = (*snapshot.runs, Run(moment.seen, moment.until, upto))
            place = replace(place, rows=rows.number, snapshot=replace(snapshot, runs=runs))
            yield FeedPart(rows.take(), place.cursor())
            if not records:
                break
            fetch.begin()
    yield from link.rows("COMMIT")
    return place


def _moment(link: Link) -> Waiting[_Moment]:
    ((seen, until, time),) = yield from link.rows(_MOMENT)
    return _Moment(Seen.parse(str(seen)), parse_lsn(str(until)), int(time or 0))


def _later_moment(link: Link, snapshot: Snapshot) -> Waiting[_Moment]:
    """Begins a transaction that sees at least what the slot's snapshot saw."""
    while True:
        yield from link.rows(_BEGIN)
        moment = yield from _moment(link)
        if moment.seen.covers(snapshot.exported):
            return moment
        yield from link.rows("ROLLBACK")
        yield None


def _declaration(table: Table, runs: Sequence[Run]) -> str:
    names = ", ".join(quoted_name(column.name) for column in table.columns)
    source = f"{quoted_name(table.schema)}.{quoted_name(table.name)}"
    order = ", ".join(_ordered(column) for column in table.key)
    # Rows of tables that inherit from it are not its own; those of partitions are.
    only = "" if table.is_partitioned else "ONLY "
    beyond = ""
    if runs and (upto := runs[-1].upto) is not None:
        values = ", ".join(quoted_text(text) for text in upto)
        beyond = f"WHERE ({order}) > ({values}) "
    select = f"SELECT {names} FROM {only}{source} {beyond}ORDER BY {order}"  # noqa: S608 - all of it is quoted
    return f"DECLARE headrace_rows NO SCROLL CURSOR FOR {select}"


def _ordered(column: Column) -> str:
    name = quoted_name(column.name)
    return f'{name} COLLATE "C"' if column.type.oid in TEXTS else name


def _size(records: Sequence[Record]) -> int:
    return sum(len(text) for record in records for text in record if text is not None)
