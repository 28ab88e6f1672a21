"""Keyed columns: what is written as cells comes back as it was, and what is removed leaves a tombstone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.batch import compact
from headrace.streams.columns import Column, KeyedColumns, Tables

COLUMNS = (Column("count", "<i8", -1), Column("mean", "<f8", np.nan))
KEYS = [b"", b"a", b"b", b"site/device", b"\x00", b"z" * 40]


def table() -> KeyedColumns:
    return KeyedColumns(b"t", COLUMNS)


def put(subject: KeyedColumns, keys: list[bytes], count: int) -> None:
    rows = subject.rows(keys)
    subject["count"][rows] = count
    subject.touch(rows)


def contents(subject: KeyedColumns) -> dict[bytes, int]:
    return {key: int(subject["count"][row]) for key, row in subject.items()}


def restored(log: dict[bytes, bytes]) -> KeyedColumns:
    fresh = table()
    fresh.restore(log)
    return fresh


def test_new_key_is_blank_and_known_key_keeps_its_row() -> None:
    subject = table()
    first = subject.rows([b"a", b"b", b"a"])
    assert first[0] == first[2] != first[1]
    assert subject["count"][first].tolist() == [-1, -1, -1]
    assert np.isnan(subject["mean"][first]).all()
    assert subject.rows([b"b"]).tolist() == [first[1]]
    assert subject.keys(first) == [b"a", b"b", b"a"]


def test_table_grows_and_keeps_what_it_holds() -> None:
    subject = table()
    put(subject, [b"first"], 7)
    keys = [b"%d" % number for number in range(1_000)]
    put(subject, keys, 8)
    assert len(subject) == 1_001
    assert contents(subject) == {b"first": 7, **dict.fromkeys(keys, 8)}


def test_only_touched_rows_are_written_and_each_once() -> None:
    subject = table()
    put(subject, [b"a", b"b", b"c"], 1)
    assert sorted(key for key, _ in subject.take_changes()) == [b"ta", b"tb", b"tc"]
    put(subject, [b"b"], 2)
    put(subject, [b"b"], 3)
    ((key, content),) = subject.take_changes()
    assert key == b"tb"
    assert content is not None
    assert restored({key: content})["count"][0] == 3
    assert list(subject.take_changes()) == []


def test_removed_key_leaves_a_tombstone_if_it_was_ever_written() -> None:
    subject = table()
    put(subject, [b"written"], 1)
    list(subject.take_changes())
    put(subject, [b"never"], 1)
    subject.remove(subject.rows([b"written", b"never"]))
    assert list(subject.take_changes()) == [(b"twritten", None)]
    assert len(subject) == 0


def test_key_that_comes_back_before_the_checkpoint_is_blank_and_no_tombstone() -> None:
    subject = table()
    put(subject, [b"a"], 5)
    list(subject.take_changes())
    subject.remove(subject.rows([b"a"]))
    rows = subject.rows([b"a"])
    assert subject["count"][rows].tolist() == [-1]
    subject.touch(rows)
    ((key, content),) = subject.take_changes()
    assert (key, content is not None) == (b"ta", True)


def test_restored_table_has_nothing_to_write_but_tombstones_of_what_it_removes() -> None:
    subject = table()
    put(subject, [b"a", b"b"], 5)
    again = restored({key: content for key, content in subject.take_changes() if content is not None})
    assert list(again.take_changes()) == []
    again.remove(again.rows([b"b"]))
    assert list(again.take_changes()) == [(b"tb", None)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.lists(st.sampled_from(KEYS), min_size=1), st.integers(0, 9)),
            st.tuples(st.just("remove"), st.sets(st.sampled_from(KEYS))),
            st.tuples(st.just("checkpoint")),
            st.tuples(st.just("restart")),
        )
    )
)
def test_it_is_a_dictionary_and_its_changelog_too(steps: list[tuple[object, ...]]) -> None:
    subject, log = table(), dict[bytes, bytes]()
    model: dict[bytes, int] = {}
    for step in steps:
        match step:
            case ("put", list(keys), int(count)):
                put(subject, keys, count)
                model.update(dict.fromkeys(keys, count))
            case ("remove", set(keys)):
                known = [key for key in keys if key in model]
                subject.remove(subject.rows(known))
                for key in known:
                    del model[key]
            case _:
                compact(log, subject.take_changes())
                if step == ("restart",):
                    subject = restored(log)
        assert contents(subject) == model
    compact(log, subject.take_changes())
    assert contents(restored(log)) == model


@pytest.mark.parametrize("content", [b"", b"\x00" * 15, b"\x00" * 17, b"\x00" * 32])
def test_cell_of_another_layout_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="another schema"):
        restored({b"ta": b"\x00" * 16, b"tb": content})


def test_cell_of_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        restored({b"xa": b"\x00" * 16})
    with pytest.raises(ValueError, match="no table"):
        Tables(table()).restore({b"xa": b"\x00" * 16})


def test_tables_write_and_restore_their_cells_together() -> None:
    parts = (table(), KeyedColumns(b"u", COLUMNS[:1]))
    put(parts[0], [b"a", b"b"], 1)
    put(parts[1], [b"a"], 2)
    log = {key: content for key, content in Tables(*parts).take_changes() if content is not None}
    assert sorted(log) == [b"ta", b"tb", b"ua"]
    fresh = (table(), KeyedColumns(b"u", COLUMNS[:1]))
    together = Tables(*fresh)
    together.restore(log)
    assert len(together) == 2
    assert [contents(part) for part in fresh] == [{b"a": 1, b"b": 1}, {b"a": 2}]


def test_prefixes_must_be_one_byte_and_differ() -> None:
    with pytest.raises(ValueError, match="one byte"):
        KeyedColumns(b"ab", COLUMNS)
    with pytest.raises(ValueError, match="same prefix"):
        Tables(table(), table())
