"""Messages of pgoutput, as a real server sent them and as none should."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_sources.changes.pgoutput import (
    UNCHANGED,
    Begin,
    Commit,
    Delete,
    Insert,
    Other,
    Relation,
    RelationColumn,
    Truncate,
    Update,
    decode,
)
from tests.unit.ingest_sources.changes.captured import BODY, MESSAGES, MOOD_OID, TABLE_OID

_TEXT = BODY.decode()


def test_transaction_has_its_commit_its_time_and_its_number() -> None:
    begin, commit = decode(MESSAGES[0]), decode(MESSAGES[5])
    assert isinstance(begin, Begin)
    assert datetime.fromtimestamp(begin.time / 1e6, UTC).replace(microsecond=0) == datetime(
        2026, 11, 27, 12, 39, 51, tzinfo=UTC
    )
    assert (begin.lsn, begin.xid) == (0x194C850, 730)
    assert commit == Commit(0x194C850, 0x194C880)


def test_relation_says_columns_types_and_key() -> None:
    columns = (RelationColumn("id", True, 23), RelationColumn("body", False, 25), RelationColumn("m", False, MOOD_OID))
    assert decode(MESSAGES[2]) == Relation(TABLE_OID, "public", "t", "d", columns)
    assert decode(MESSAGES[1]) == Other("Y")


def test_changes_have_the_values_that_are_sent() -> None:
    found = [decode(message) for message in MESSAGES if message[:1] in b"IUD"]
    assert found == [
        Insert(TABLE_OID, ("1", _TEXT, "ok")),
        Insert(TABLE_OID, ("2", None, None)),
        Update(TABLE_OID, None, ("1", UNCHANGED, "sad")),
        Update(TABLE_OID, ("2", None, None), ("3", None, None)),
        Delete(TABLE_OID, ("3", None, None)),
        Update(TABLE_OID, ("1", _TEXT, "sad"), ("1", UNCHANGED, "ok")),
        Update(TABLE_OID, ("1", _TEXT, "ok", "1.50"), ("4", "b", "ok", "1.50")),
        Delete(TABLE_OID, ("4", "b", "1.50")),
    ]
    assert decode(MESSAGES[-2]) == Truncate((TABLE_OID,))


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "kind b''"),
        (b"S\x00", "not of protocol version 1"),
        (b"I\x00\x00@\x05N\x00\x01b\x00\x00\x00\x00", "value of kind 'b'"),
        (b"U\x00\x00@\x05X\x00\x00", "where its new row is expected"),
        (MESSAGES[4] + b"n", "bytes; "),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(message: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode(message)


@given(st.sampled_from(MESSAGES), st.data())
def test_no_cut_message_is_taken_for_a_whole_one(message: bytes, data: st.DataObject) -> None:
    if message[:1] == b"Y":
        return
    with pytest.raises(ValueError):
        decode(message[: data.draw(st.integers(0, len(message) - 1))])
