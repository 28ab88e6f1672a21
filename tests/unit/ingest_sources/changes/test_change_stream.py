"""What captured messages mean from a position on: each change once, whatever was delivered before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from ingest_sources.changes.change_rows import LEFT_OUT, LSN, OP, TIME, ChangeRows
from ingest_sources.changes.change_stream import ChangeStream
from ingest_sources.changes.column_types import ColumnType, Kind
from ingest_sources.changes.pgoutput import Begin, Commit, Relation, RelationColumn, Truncate, Update, decode
from ingest_sources.changes.position import Position, Run, Snapshot
from ingest_sources.changes.seen_transactions import Seen
from ingest_sources.changes.table import Column, Table
from ingest_sources.feeds.feed import Section
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.changes.captured import BODY, MESSAGES, MOOD_OID, TABLE_OID

_ID = ColumnType(23, Kind.INTEGER)
_TYPES = {23: _ID, 25: ColumnType(25), MOOD_OID: ColumnType(MOOD_OID), 1700: ColumnType(1700)}
_COLUMNS = (Column("id", _ID), Column("body", _TYPES[25]), Column("m", _TYPES[MOOD_OID]))
_TABLE = Table(TABLE_OID, "public", "t", False, "d", _COLUMNS, _COLUMNS[:1])
_START = Position("headrace_t", "7", 1, TABLE_OID, 0x194C000)
_TEXT = BODY.decode()


class Reader:
    """Takes messages from a position on."""

    def __init__(self, place: Position = _START, marks: bool = False) -> None:
        self.rows = ChangeRows("public.t", marks, place.rows)
        self.stream = ChangeStream(place, _TABLE, _TYPES, self.rows)

    def take(self, messages: Sequence[bytes]) -> tuple[Section, ...]:
        for message in messages:
            self.stream.take(decode(message))
        return self.rows.take()


def ops(sections: Sequence[Section]) -> list[tuple[str, int]]:
    return [(row[OP], row["id"]) for section in sections for row in section.rows.table.iter_rows(named=True)]


def numbers(sections: Sequence[Section]) -> list[int]:
    return [number for section in sections for number in section.rows.table[ROW]]


def test_rows_have_the_columns_of_their_moment_and_what_happened() -> None:
    """An update of the key is a delete and an insert, as whoever reads by key has to forget the former one."""
    reader = Reader()
    first, added, dropped = reader.take(MESSAGES)
    assert first.place == "public.t"
    assert first.rows.table.drop(LSN, TIME).rows() == [
        (1, 1, _TEXT, "ok", "insert"),
        (2, 2, None, None, "insert"),
        (4, 2, None, None, "delete"),
        (5, 3, None, None, "insert"),
        (6, 3, None, None, "delete"),
        (7, 1, _TEXT, "ok", "update"),
    ]
    assert added.rows.table.drop(LSN, TIME).rows() == [
        (8, 1, _TEXT, "ok", "1.50", "delete"),
        (9, 4, "b", "ok", "1.50", "insert"),
    ]
    assert dropped.rows.table.drop(LSN, TIME).rows() == [(10, 4, "b", "1.50", "delete")]
    assert first.rows.table[LSN].to_list()[:3] == [0x194C850, 0x194C850, 0x194C9D8]
    assert reader.stream.position.lsn == 0x194FB18


def test_value_that_is_not_sent_is_refused_or_marked_and_never_null() -> None:
    first, *_, dropped = Reader().take(MESSAGES)
    (unsent,), (truncated,) = first.rows.bad, dropped.rows.bad
    assert unsent.number == 3
    assert "REPLICA IDENTITY FULL" in unsent.detail
    assert unsent.original.startswith(b'{"id":"1","m":"sad"')
    assert "truncated" in truncated.detail
    marked = Reader(marks=True).take(MESSAGES)[0].rows.table
    assert marked.filter(marked[ROW] == 3).select("id", "body", OP, LEFT_OUT).rows() == [(1, None, "update", "body")]
    assert marked[LEFT_OUT].null_count() == marked.height - 1


@pytest.mark.parametrize("count", range(len(MESSAGES)))
def test_what_is_sent_again_after_any_message_is_known(count: int) -> None:
    """A new connection gets relations again, and whole transactions from the first that isn't delivered whole."""
    expected = Reader()
    all_of_it = numbers(expected.take(MESSAGES))
    first = Reader()
    before = numbers(first.take(MESSAGES[:count]))
    place = Position.of(first.stream.position.cursor())
    second = Reader(place)
    assert before + numbers(second.take(MESSAGES)) == all_of_it
    assert second.stream.position == expected.stream.position


def test_transaction_that_was_begun_and_is_not_sent_again_is_a_loss() -> None:
    reader = Reader()
    reader.take(MESSAGES[:4])
    with pytest.raises(
        ConfigurationError, match="does not send the transaction at 0/194C850 again, of which 1 changes"
    ):
        Reader(reader.stream.position).take(MESSAGES[6:])


def snapshot(*runs: Run) -> Position:
    return replace(_START, snapshot=Snapshot(Seen.parse("730:730:"), runs))


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        # 732 makes row 3 of row 2. All keys under one snapshot: it saw it, or it didn't.
        ([("733:733:", None)], []),
        ([("732:732:", None)], [("delete", 2), ("insert", 3)]),
        ([("730:735:732", None)], [("delete", 2), ("insert", 3)]),
        # Row 2 was read before it, row 3 afterwards: the row under the former key is to be forgotten.
        ([("732:732:", "2"), ("733:733:", None)], [("delete", 2)]),
        ([("732:732:", "1"), ("733:733:", None)], []),
    ],
)
def test_change_counts_unless_the_snapshot_of_its_key_has_it(
    runs: list[tuple[str, str | None]], expected: list[tuple[str, int]]
) -> None:
    place = snapshot(*(Run(Seen.parse(seen), 0x194CA40, None if upto is None else (upto,)) for seen, upto in runs))
    reader = Reader(place)
    reader.take(MESSAGES[:9])
    found = ops(reader.take(MESSAGES[9:12]))
    assert found == expected
    assert reader.stream.position.snapshot is not None


def test_snapshot_is_forgotten_where_no_transaction_can_be_in_it() -> None:
    reader = Reader(snapshot(Run(Seen.parse("900:900:"), 0x194C880, None)))
    assert ops(reader.take(MESSAGES[:6])) == []
    assert reader.stream.position.snapshot is None
    assert ops(reader.take(MESSAGES[6:12])) == [("delete", 2), ("insert", 3)]


def test_position_passes_what_other_tables_did_but_no_open_transaction() -> None:
    reader = Reader()
    reader.stream.pass_to(0x194C100)
    assert reader.stream.position.lsn == 0x194C100
    reader.take(MESSAGES[:4])
    reader.stream.pass_to(0x194C700)
    assert (reader.stream.position.lsn, reader.stream.position.changes) == (0x194C100, 1)
    again = Reader(reader.stream.position)
    again.stream.pass_to(0x194C700)
    assert again.stream.position.lsn == 0x194C100


def test_other_tables_of_the_publication_are_left_out() -> None:
    reader = Reader()
    other = TABLE_OID + 1
    reader.stream.take(Begin(0x194C850, 0, 1))
    reader.stream.take(Relation(other, "public", "u", "d", (RelationColumn("id", True, 999),)))
    reader.stream.take(Update(other, None, ("1",)))
    reader.stream.take(Truncate((other,)))
    reader.stream.take(Commit(0x194C850, 0x194C880))
    assert reader.rows.take() == ()
    assert reader.stream.position.lsn == 0x194C880


def test_another_table_of_the_name_stops_it() -> None:
    relation: Any = Relation(TABLE_OID + 1, "public", "t", "d", ())
    with pytest.raises(ConfigurationError, match=r"public\.t is another table of that name now"):
        Reader().stream.take(relation)


def test_column_with_a_name_of_headrace_is_refused() -> None:
    relation = Relation(TABLE_OID, "public", "t", "d", (RelationColumn("id", True, 23), RelationColumn(OP, False, 25)))
    with pytest.raises(ConfigurationError, match="__op, which is Headrace's own name"):
        Reader().stream.take(relation)
