"""Reads the changes of a PostgreSQL table from a replication slot, after the rows that were there before."""

from collections.abc import Callable, Generator, Mapping, Sequence

from headrace.clock import Clock, SystemClock
from headrace.errors import ConfigurationError
from ingest_sources.changes.catalogue import check_identity, check_server, publish, read_table, read_types
from ingest_sources.changes.change_rows import Change, ChangeRows
from ingest_sources.changes.change_stream import ANEW, ChangeStream
from ingest_sources.changes.changes_source import ChangesOptions, ChangesSource, parameters_of
from ingest_sources.changes.column_types import ColumnType
from ingest_sources.changes.link import Link, Waiting
from ingest_sources.changes.lsn import parse_lsn
from ingest_sources.changes.names import quoted_name
from ingest_sources.changes.position import Position
from ingest_sources.changes.slot import check_slot, check_system, create_slot, drop_slot, find_slot
from ingest_sources.changes.slot_stream import SlotStream
from ingest_sources.changes.snapshot import Limits, begin_snapshot, check_key, read_snapshot
from ingest_sources.changes.table import Table
from ingest_sources.feeds.feed import Cursor, FeedPart

_PART_BYTES = 16 << 20
_SAMPLE_ROWS = 50


class ChangesFeed:
    """One table's changes.

    The slot moves in `committed` alone, so it is never after the cursor, by which what it sends again is known.

    Args:
        name: of the slot.
        publication: its name.
        parameters: of libpq, with the password.
        status_s: see `SlotStream`.
    """

    def __init__(
        self,
        options: ChangesOptions,
        name: str,
        publication: str,
        parameters: Mapping[str, str],
        clock: Clock,
        status_s: float = 10.0,
    ) -> None:
        self._options = options
        self._name = name
        self._publication = publication
        self._parameters = parameters
        self._clock = clock
        self._status_s = status_s
        self._limits = Limits(options.batch_rows, _PART_BYTES)
        self._links: list[Link] = []
        self._stream: SlotStream | None = None

    def parts(self, cursor: Cursor | None) -> Generator[FeedPart | None, None, None]:
        link = yield from self._open()
        replication = yield from self._open(replicates=True)
        yield from check_server(link)
        known = None if cursor is None else Position.of(cursor)
        system, timeline = yield from _identify(replication)
        if known is not None:
            check_system(known, system, timeline)
        table = yield from self._table(link, known)
        if known is None:
            place = yield from self._begin(link, replication, table, system, timeline)
            if place.streams:
                # Should the slot get lost now, that is known.
                yield FeedPart((), place.cursor())
        else:
            place = known
            check_slot((yield from find_slot(link, place.slot)), place)
        if not place.streams:
            marks = self._options.unchanged == "mark"
            place = yield from read_snapshot(link, table, place, marks, self._limits)
            # The other connection was silent for as long as that took.
            replication.close()
            replication = yield from self._open(replicates=True)
        types = yield from read_types(link, [column.type.oid for column in table.columns])
        link.close()
        rows = ChangeRows(table.place, self._options.unchanged == "mark", place.rows)
        stream = ChangeStream(place, table, types, rows)
        self._stream = SlotStream(replication, place, stream, rows, self._limits, self._clock, self._status_s)
        yield from self._stream.start(self._publication)
        yield from self._stream.parts(lambda oids: self._learn(oids, types))

    def committed(self, part: FeedPart) -> None:
        if self._stream is not None:
            self._stream.committed(parse_lsn(part.cursor["lsn"]))

    def sample(self) -> FeedPart | None:
        return next((part for part in self._sample() if part is not None), None)

    def close(self) -> None:
        for link in self._links:
            link.close()

    def _open(self, replicates: bool = False) -> Waiting[Link]:
        link = Link(self._parameters, replicates)
        self._links.append(link)
        yield from link.open()
        return link

    def _table(self, link: Link, known: Position | None) -> Waiting[Table]:
        """The table, and that it can be read from there on."""
        if known is not None and known.slot != self._name:
            raise ConfigurationError(
                f"the source was read from slot {known.slot}: name it again under `slot`. Or {ANEW}"
            )
        table = yield from read_table(link, self._options.table)
        if known is not None and known.table != table.oid:
            raise ConfigurationError(f"{table.place} is not the table that was read so far. {ANEW}")
        check_identity(table, self._options.snapshot)
        if self._options.snapshot:
            check_key(table)
        return (yield from publish(link, self._publication, table, known is None))

    def _begin(self, link: Link, replication: Link, table: Table, system: str, timeline: int) -> Waiting[Position]:
        slot = yield from find_slot(link, self._name)
        if slot is not None and not slot.is_lost and not self._options.snapshot:
            return Position(self._name, system, timeline, table.oid, slot.lsn)
        if slot is not None:
            # Of a former snapshot, or of a start that was killed: what it has, the new snapshot has.
            yield from drop_slot(link, self._name)
        slot, exported = yield from create_slot(replication, self._name, self._options.snapshot)
        snapshot = (yield from begin_snapshot(link, exported)) if self._options.snapshot else None
        return Position(self._name, system, timeline, table.oid, slot.lsn, snapshot=snapshot)

    def _learn(self, oids: Sequence[int], types: dict[int, ColumnType]) -> Waiting[None]:
        """Types that the table has got meanwhile."""
        if new := [oid for oid in oids if oid not in types]:
            link = yield from self._open()
            types.update((yield from read_types(link, new)))
            link.close()

    def _sample(self) -> Generator[FeedPart | None, None, None]:
        link = yield from self._open()
        yield from check_server(link)
        table = yield from read_table(link, self._options.table)
        check_identity(table, self._options.snapshot)
        names = ", ".join(quoted_name(column.name) for column in table.columns)
        source = f"{quoted_name(table.schema)}.{quoted_name(table.name)}"
        records = yield from link.rows(f"SELECT {names} FROM {source} LIMIT {_SAMPLE_ROWS}")  # noqa: S608
        rows = ChangeRows(table.place, self._options.unchanged == "mark", 0)
        rows.shape(table.columns)
        now_us = self._clock.now_us()
        for record in records:
            rows.add(Change("snapshot", 0, now_us, record))
        yield FeedPart(rows.take(), {})


def _identify(link: Link) -> Waiting[tuple[str, int]]:
    """The server's system and timeline."""
    ((system, timeline, _, _),) = yield from link.rows("IDENTIFY_SYSTEM")
    return str(system), int(timeline or 0)


def changes_connector(source: ChangesSource, password: str | None) -> Callable[[], ChangesFeed]:
    """What makes a connection to a source's database; nothing is connected yet."""
    options = source.changes
    slot = options.slot or f"headrace_{source.name}"
    parameters = parameters_of(options.url) | ({} if password is None else {"password": password})
    return lambda: ChangesFeed(options, slot, options.publication or slot, parameters, SystemClock())
