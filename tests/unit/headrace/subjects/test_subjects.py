"""One subject for each person at all edges, and none that is erased."""

from pathlib import Path

import pytest

from headrace.errors import TransientError
from headrace.subjects.subject import Subject, session_name, user_name
from tests.unit.headrace.subjects.edges import edge, keys_of
from tests.unit.headrace.subjects.memory_table import MemoryTable


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return keys_of(tmp_path)


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


def test_all_edges_give_a_person_the_same_subject(table: MemoryTable, keys: Path) -> None:
    first, second = edge(table, keys), edge(table, keys)
    anna = first.subject_of("main", user_name("anna"))
    assert second.subject_of("main", user_name("anna")) == anna
    assert second.find("main", user_name("anna")) == anna
    assert len(anna.id) == 22
    assert len(anna.key) == 32


def test_sites_users_and_sessions_are_apart(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    names = [("main", user_name("a")), ("other", user_name("a")), ("main", session_name("a")), ("main", user_name("b"))]
    assert len({here.subject_of(site, name).id for site, name in names}) == len(names)


def test_a_user_cannot_take_the_name_of_a_session() -> None:
    with pytest.raises(ValueError, match="can't begin with session:"):
        user_name(session_name("a"))
    for wrong in ("", "x" * 257):
        with pytest.raises(ValueError, match="characters"):
            session_name(wrong)


def test_many_are_found_at_once_in_order_and_one_named_twice_is_one(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    known = here.subject_of("main", "b")
    found = here.subjects_of("main", ["a", "b", "a", "c"])
    assert [found[1], found[2]] == [known, found[0]]
    assert len({subject.id for subject in found}) == 3


def test_nobody_is_made_by_looking(table: MemoryTable, keys: Path) -> None:
    assert edge(table, keys).find("main", "anna") is None
    assert not table.rows


def test_a_row_shows_neither_name_nor_subject_nor_key(table: MemoryTable, keys: Path) -> None:
    subject = edge(table, keys).subject_of("main", "anna")
    stored = repr(table.rows)
    assert "anna" not in stored
    assert subject.id not in stored
    assert repr(subject.key)[2:-1] not in stored
    assert repr(subject.key) not in repr(subject)


def test_a_row_in_another_persons_place_is_refused(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    here.subjects_of("main", ["anna", "bob"])
    (anna, row), (bob, _) = table.rows.items()
    table.rows = {bob: row, anna: row}
    with pytest.raises(TransientError, match="master key"):
        edge(table, keys).subjects_of("main", ["anna", "bob"])


def test_while_cassandra_is_away_those_who_are_known_go_on(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    anna = here.subject_of("main", "anna")
    table.is_away = True
    assert here.subject_of("main", "anna") == anna
    with pytest.raises(TransientError):
        here.subjects_of("main", ["anna", "bob"])
    with pytest.raises(TransientError):
        here.find("main", "bob")


def test_nobody_is_looked_up_before_erasures_are_read(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    here.erased._is_read = False
    with pytest.raises(TransientError, match=r"subjects\.erased"):
        here.subject_of("main", "anna")


def test_memory_is_bounded_and_keeps_those_who_were_asked_for_last(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys, most=3)
    here.subjects_of("main", ["a", "b", "c"])
    here.subject_of("main", "a")
    here.subject_of("main", "d")
    assert [here.known("main", name) is not None for name in "abcd"] == [True, False, True, True]


def erase(table: MemoryTable, keys: Path, name: str) -> Subject:
    """As the API does, at an edge of its own; other edges are told by the test."""
    api = edge(table, keys)
    subject = api.store.find_settled("main", name)
    assert subject is not None
    api.erased.add(subject.id)
    assert api.store.destroy("main", name, subject.id)
    return subject


def test_who_comes_back_after_an_erasure_is_somebody_else(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    before = here.subject_of("main", "anna")
    erased = erase(table, keys, "anna")
    assert erased == before
    here.erased.add(before.id)
    assert here.known("main", "anna") is None
    # Its key has left the memory, too.
    assert len(here._recent) == 0
    assert here.find("main", "anna") is None
    after = here.subject_of("main", "anna")
    assert after.id != before.id
    assert after.key != before.key


def test_an_erasure_is_done_by_whoever_meets_it_half_done(table: MemoryTable, keys: Path) -> None:
    """The API was killed between its record and the deletion."""
    here = edge(table, keys)
    before = here.subject_of("main", "anna")
    other = edge(table, keys)
    other.erased.add(before.id)
    assert other.find("main", "anna") is None
    after = other.subject_of("main", "anna")
    assert after.id != before.id
    here.erased.add(before.id)
    assert here.subject_of("main", "anna") == after
    assert len(table.rows) == 1


def test_a_row_that_comes_back_from_a_stale_copy_is_deleted_again(table: MemoryTable, keys: Path) -> None:
    here = edge(table, keys)
    before = here.subject_of("main", "anna")
    stale = dict(table.rows)
    erase(table, keys, "anna")
    table.rows = stale
    here.erased.add(before.id)
    assert here.subject_of("main", "anna").id != before.id


def test_an_erasure_told_between_reading_and_remembering_leaves_nothing_in_memory(
    table: MemoryTable, keys: Path
) -> None:
    before = edge(table, keys).subject_of("main", "anna")
    here = edge(table, keys)
    make = here.store.make

    def made_and_erased(site: str, names: list[str]) -> list[Subject]:
        found = make(site, names)
        here.erased.add(before.id)
        return found

    here.store.make = made_and_erased  # type: ignore[method-assign, assignment]
    # The event that asked is written under the old subject, and whoever reads it leaves it out.
    assert here.subject_of("main", "anna") == before
    assert here.known("main", "anna") is None
    assert len(here._recent) == 0


def test_erasing_twice_is_erasing_once_and_spares_the_one_who_came_after(table: MemoryTable, keys: Path) -> None:
    before = edge(table, keys).subject_of("main", "anna")
    erase(table, keys, "anna")
    here = edge(table, keys)
    here.erased.add(before.id)
    after = here.subject_of("main", "anna")
    assert not here.store.destroy("main", "anna", before.id)
    assert edge(table, keys).find("main", "anna") == after
