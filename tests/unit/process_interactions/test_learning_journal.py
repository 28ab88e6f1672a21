"""The journal: the same cells whatever the checkpoints, and the same entries back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.streams.batch import compact
from process_interactions.learning.entries import (
    Entry,
    ExposureEntry,
    LessonEntry,
    decode_entries,
    encode_entry,
    exposure_entry,
    lesson_entry,
)
from process_interactions.learning.journal import CHUNK_BYTES, CHUNK_ENTRIES, Journal
from process_interactions.learning.large_cells import PART_BYTES, LargeCells
from tests.unit.process_interactions.learning_driver import T0, exposure, lesson

ENTRIES = st.lists(st.binary(max_size=3_000), max_size=200)


@given(ENTRIES, st.sets(st.integers(0, 200)), st.sets(st.integers(0, 200), max_size=3))
def test_checkpoints_anywhere_leave_the_same_cells(entries: list[bytes], cuts: set[int], clears: set[int]) -> None:
    whole, cut = Journal(b"j"), Journal(b"j")
    changelog: dict[bytes, bytes] = {}
    kept: list[bytes] = []
    for at, entry in enumerate(entries):
        for journal in (whole, cut):
            if at in clears:
                journal.clear()
            journal.append(entry)
        kept = [*([] if at in clears else kept), entry]
        if at in cuts:
            compact(changelog, cut.take_changes())
    compact(changelog, cut.take_changes())
    assert changelog == dict(whole.take_changes())
    restored = Journal(b"j")
    assert list(restored.restore({**changelog, b"other": b""})) == kept
    assert (restored.entries, restored.size) == (cut.entries, cut.size)


@given(ENTRIES, ENTRIES)
@example([b"x"] * (CHUNK_ENTRIES + 10), [b"x"] * 2 * CHUNK_ENTRIES)
def test_it_goes_on_after_a_restore(before: list[bytes], after: list[bytes]) -> None:
    journal = Journal(b"j")
    changelog: dict[bytes, bytes] = {}
    for entry in before:
        journal.append(entry)
    compact(changelog, journal.take_changes())
    restored = Journal(b"j")
    assert list(restored.restore(dict(changelog))) == before
    assert restored.entries == len(before)
    assert list(restored.take_changes()) in ([], list(changelog.items())[-1:]), "nothing counts as changed"
    for entry in after:
        restored.append(entry)
    compact(changelog, restored.take_changes())
    whole = Journal(b"j")
    for entry in before + after:
        whole.append(entry)
    assert changelog == dict(whole.take_changes())


def test_only_the_open_cell_is_written_again() -> None:
    journal = Journal(b"j")
    for _ in range(3 * CHUNK_ENTRIES + 1):
        journal.append(b"entry")
    assert len(list(journal.take_changes())) == 4
    journal.append(b"entry")
    (cell,) = journal.take_changes()
    assert cell[0].endswith(b"\x03")
    journal.clear()
    journal.append(b"new")
    changes = dict(journal.take_changes())
    assert [content is None for content in changes.values()] == [False, True, True, True]


def test_cells_stay_small_but_for_one_large_entry() -> None:
    journal = Journal(b"j")
    for size in (10, CHUNK_BYTES - 100, 150_000, 10, 10):
        journal.append(b"x" * size)
    sizes = [len(content or b"") for _, content in journal.take_changes()]
    assert sizes == [CHUNK_BYTES - 82, 150_004, 28]


@pytest.mark.parametrize(
    "cells",
    [
        {b"j\0\0\0\1": b"\1\0\0\0x"},
        {b"j\0\0\0\0": b"\1\0"},
        {b"j\0\0\0\0": b"\5\0\0\0x"},
    ],
    ids=["one is missing", "half a length", "half an entry"],
)
def test_damage_is_told(cells: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="journal"):
        list(Journal(b"j").restore(cells))


def test_entries_keep_all_that_is_learned() -> None:
    taught = lesson("b", ("w", "x", "y"), weight=0.1 + 0.2, is_new=True)
    erased = lesson(None, ("w", "x", "y"), kind="forget", interaction=None)
    shown = exposure("b", position=3, explored=True, seen=T0, clicked=True, bought=True, reward=5.0, versions={"m": 7})
    entries: list[Entry] = [lesson_entry(taught, T0, 2), exposure_entry(shown, T0 + 1), lesson_entry(erased, T0, 2)]
    first, second, third = decode_entries([encode_entry(entry) for entry in entries])
    for record in (taught, shown, erased):
        record.subject = ""
    shown.recommendation, shown.arms = "", {}
    taught.before = taught.before[1:]
    assert isinstance(first, LessonEntry) and isinstance(second, ExposureEntry) and isinstance(third, LessonEntry)
    assert (first.lesson, second.exposure, third.lesson) == (taught, shown, erased)
    assert (first.appended, second.appended) == (T0, T0 + 1)
    with pytest.raises(ValueError, match="can't be read"):
        list(decode_entries([b"\x91\x63"]))


@given(st.lists(st.dictionaries(st.sampled_from([b"a", b"b"]), st.none() | st.integers(0, 700_000)), max_size=6))
def test_contents_of_any_length_come_back(rounds: list[dict[bytes, int | None]]) -> None:
    """Parts that a content has no more are deleted, also after a restore."""
    cells, changelog = LargeCells(b"s", b"p"), {}  # type: ignore[var-annotated]
    wanted: dict[bytes, bytes] = {}
    for number, lengths in enumerate(rounds):
        changes = {key: None if length is None else bytes([number]) * length for key, length in lengths.items()}
        compact(wanted, changes.items())
        compact(changelog, cells.cut(changes.items()))
        assert max(map(len, changelog.values()), default=0) <= PART_BYTES + 4
        left, cells = dict(changelog), LargeCells(b"s", b"p")
        assert dict(cells.join(left)) == wanted
        assert left == {}


def test_a_missing_part_is_told() -> None:
    changelog = dict(LargeCells(b"s", b"p").cut([(b"a", b"x" * 500_000)]))
    assert len(changelog) == 3
    changelog.popitem()
    with pytest.raises(ValueError, match="part"):
        dict(LargeCells(b"s", b"p").join(changelog))  # type: ignore[arg-type]
