"""Rotations that meet others, stopped edges and rows that nobody can read; and those that come by themselves."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.errors import TransientError
from headrace.subjects.async_subjects import AsyncSubjects
from headrace.subjects.keys import add_master, drop_masters, read_secrets
from headrace.subjects.metrics import SubjectMetrics
from headrace.subjects.rotate import one_rotation, rotate
from headrace.subjects.scheduled_rotation import ScheduledRotation
from headrace.subjects.subject_rows import Key, Row
from headrace.subjects.subjects import Subjects
from headrace.testing import FakeClock, wait_until
from tests.unit.headrace.subjects.edges import edge, keys_of
from tests.unit.headrace.subjects.memory_table import MemoryTable

Hook = Callable[[], object]
HOUR = 3_600.0
NAMES = [f"u{number}" for number in range(100)]


def at_once(seconds: float = 0) -> None:
    """No pause."""


class HookedTable(MemoryTable):
    """Calls what a test sets, once, at the moment before rows are inserted or the commit log is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.before_insert: Hook = at_once
        self.before_end: Hook = at_once

    def insert(self, rows: Sequence[tuple[Key, Row]]) -> list[Row]:
        hook, self.before_insert = self.before_insert, at_once
        hook()
        return super().insert(rows)

    def end_commit_log(self) -> None:
        self.before_end()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return keys_of(tmp_path)


@pytest.fixture
def table() -> HookedTable:
    return HookedTable()


def lost_key(path: Path, here: Subjects, name: str) -> None:
    """Seals a person's row with a key that is then destroyed, as in a table that came back from an old copy."""
    before = dict(here.store._table.rows)  # type: ignore[attr-defined]
    here.subject_of("main", name)
    (key,) = here.store._table.rows.keys() - before.keys()  # type: ignore[attr-defined]
    row = here.store._table.rows.pop(key)  # type: ignore[attr-defined]
    rotate(path, here.store, pause=at_once)
    here.store._table.rows[key] = row  # type: ignore[attr-defined]


def test_a_key_that_comes_between_the_last_look_and_the_end_costs_nobody(path: Path, table: HookedTable) -> None:
    here = edge(table, path)
    before = here.subjects_of("main", NAMES)
    table.before_end = lambda: add_master(path)
    rotate(path, here.store, pause=at_once)
    assert edge(table, path).subjects_of("main", NAMES) == before


def test_one_rotation_at_a_time(path: Path, table: HookedTable) -> None:
    here = edge(table, path)
    known = read_secrets(path)
    with one_rotation(path) as is_alone:
        assert is_alone
        with pytest.raises(TransientError, match="another process"):
            rotate(path, here.store, pause=at_once)
    assert read_secrets(path) == known
    rotate(path, here.store, pause=at_once)


def test_an_edge_that_was_stopped_amid_a_write_for_a_whole_rotation_seals_it_anew(
    path: Path, table: HookedTable
) -> None:
    stopped, other = edge(table, path), edge(table, path)
    table.before_insert = lambda: rotate(path, other.store, pause=at_once)
    anna = stopped.subject_of("main", "anna")
    assert edge(table, path).find("main", "anna") == anna
    assert set(other.store.sealed_with()) == {read_secrets(path).current}


def test_rows_that_nobody_can_read_end_a_rotation_until_they_are_given_up(path: Path, table: HookedTable) -> None:
    here = edge(table, path)
    before = here.subjects_of("main", NAMES)
    lost_key(path, here, "anna")
    there = edge(table, path)
    with pytest.raises(TransientError, match=r"lacks: bring it there; .*--give-up"):
        there.subject_of("main", "anna")
    with pytest.raises(TransientError, match=r"1 subjects are sealed with master keys .*--give-up"):
        rotate(path, there.store, pause=at_once)
    done = rotate(path, there.store, pause=at_once, gives_up=True)
    assert (done.given_up, done.deleted) == (1, 0)
    assert there.subjects_of("main", NAMES) == before
    assert there.subject_of("main", "anna").id


def test_where_edges_have_copies_the_key_that_they_got_before_is_rotated_to(path: Path, table: HookedTable) -> None:
    here = edge(table, path)
    before = here.subjects_of("main", NAMES)
    old = read_secrets(path).current
    new = add_master(path).current
    done = rotate(path, here.store, pause=at_once, adds=False)
    assert (done.resealed, done.dropped) == (100, (old,))
    assert read_secrets(path).masters.keys() == {new}
    assert edge(table, path).subjects_of("main", NAMES) == before


class Scheduled:
    """A process that rotates by itself, at a time that a test moves."""

    def __init__(self, path: Path, table: MemoryTable, clock: FakeClock | None = None) -> None:
        self.path = path
        self.edge = edge(table, path)
        self.clock = clock or FakeClock(SystemClock().now_us())
        self.rotation = ScheduledRotation(path, self.edge.store, self.edge.erased, self.clock, pause=0)
        self.registry = CollectorRegistry()
        SubjectMetrics(self.registry, "test", self.edge.store.keys, self.edge.erased, self.clock)

    def erase(self, name: str) -> None:
        subject = self.edge.store.find_settled("main", name)
        assert subject is not None
        self.edge.erased.add(subject.id, self.clock.now_us())
        assert self.edge.store.destroy("main", name, subject.id)

    def readable(self) -> float | None:
        return self.registry.get_sample_value("headrace_oldest_readable_erasure_seconds", {"service": "test"})

    def look_after(self, hours: float) -> int:
        """How many master keys there are then."""
        self.clock.advance(hours * HOUR)
        self.rotation.look()
        return len(read_secrets(self.path).masters)


def test_an_erased_persons_key_cannot_be_read_a_day_later(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    before = process.edge.subjects_of("main", NAMES)
    process.edge.subject_of("main", "anna")
    (key,) = [("main", process.edge.store.keys.lookup("main", "anna"))]
    held = table.rows[key]
    process.erase("anna")
    assert process.readable() == 0
    assert process.look_after(23) == 1
    assert process.readable() == 23 * HOUR
    # Added, sealed anew, and the former one destroyed when it is an hour old.
    assert [process.look_after(hours) for hours in (1, 0.5, 0.25, 1)] == [2, 2, 2, 1]
    assert process.readable() == 0
    with pytest.raises(TransientError, match="lacks"):
        process.edge.store.keys.unseal(held[0], held[1], key[1] + b"main")
    assert edge(table, path).subjects_of("main", NAMES) == before


def test_nothing_is_rotated_where_nobody_was_erased(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    process.edge.subjects_of("main", NAMES)
    known = read_secrets(path)
    assert process.look_after(24 * 365) == 1
    assert read_secrets(path) == known
    assert process.readable() == 0


def test_another_process_goes_on_with_a_rotation_that_was_killed(path: Path, table: HookedTable) -> None:
    killed = Scheduled(path, table)
    before = killed.edge.subjects_of("main", NAMES)
    killed.erase(NAMES[0])
    assert killed.look_after(25) == 2
    after = Scheduled(path, table, killed.clock)
    assert after.look_after(0.5) == 2
    assert after.look_after(0.5) == 1
    assert edge(table, path).subjects_of("main", NAMES[1:]) == before[1:]


def test_a_key_is_kept_while_an_edge_seals_with_it(path: Path, table: HookedTable) -> None:
    process, late = Scheduled(path, table), edge(table, path)
    process.edge.subject_of("main", "anna")
    bob = late.subject_of("main", "bob")
    (held,) = [table.rows.pop(("main", late.store.keys.lookup("main", "bob")))]
    process.erase("anna")
    assert process.look_after(25) == 2
    table.rows["main", late.store.keys.lookup("main", "bob")] = held
    assert [process.look_after(hours) for hours in (1, 0.1)] == [2, 1]
    assert edge(table, path).find("main", "bob") == bob


def test_a_key_that_is_added_by_hand_meanwhile_costs_nobody(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    before = process.edge.subjects_of("main", NAMES)
    process.erase(NAMES[0])
    assert [process.look_after(hours) for hours in (25, 0.5)] == [2, 2]
    sealed_with = process.edge.store.sealed_with

    def added_meanwhile() -> dict[str, int]:
        found = sealed_with()
        add_master(path)
        return found

    process.edge.store.sealed_with = added_meanwhile  # type: ignore[method-assign]
    assert process.look_after(1) == 2
    assert edge(table, path).subjects_of("main", NAMES[1:]) == before[1:]


def test_while_erasures_are_not_read_nothing_is_rotated_or_shown(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    process.edge.subject_of("main", "anna")
    process.erase("anna")
    process.edge.erased._is_read = False
    assert process.look_after(48) == 1
    assert process.readable() is None


def test_it_ends_with_the_subjects_of_its_process(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    process.edge.subject_of("main", "anna")
    process.erase("anna")
    process.clock.advance(25 * HOUR)
    subjects = AsyncSubjects(process.edge, process.rotation)
    process.rotation.start()
    wait_until(lambda: len(read_secrets(path).masters) == 2, "the first look", 5)
    asyncio.run(subjects.stop())
    assert not process.rotation._thread.is_alive()


def test_a_file_that_does_not_say_when_its_keys_were_made_counts_as_old(path: Path, table: HookedTable) -> None:
    process = Scheduled(path, table)
    process.edge.subject_of("main", "anna")
    process.erase("anna")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b',"made"')] + b"}")
    assert process.look_after(25) == 2
    drop_masters(path, frozenset())
