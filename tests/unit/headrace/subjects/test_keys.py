"""The file of keys, and what becomes of rows when its master key is replaced."""

import base64
import threading
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.subjects.keys import SubjectKeys, add_master, drop_masters, ensure_keys, read_secrets
from headrace.subjects.rotate import rotate
from tests.unit.headrace.subjects.edges import edge, keys_of
from tests.unit.headrace.subjects.memory_table import MemoryTable


def test_of_several_processes_one_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "subjects.json"
    threads = [threading.Thread(target=ensure_keys, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = path.read_bytes()
    ensure_keys(path)
    assert path.read_bytes() == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        SubjectKeys(path)


@pytest.mark.parametrize("text", ["", "{}", '{"lookup": "AAAA", "current": "a", "masters": {"a": "AAAA"}}'])
def test_a_file_with_anything_else_is_refused_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "subjects.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="subject keys") as refused:
        SubjectKeys(path)
    assert "AAAA" not in str(refused.value)


def test_a_new_master_key_is_used_without_a_restart(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    keys = SubjectKeys(path)
    old, sealed = keys.seal(b"content", b"about")
    new = add_master(path).current
    assert new != old
    assert keys.seal(b"content", b"about")[0] == new
    assert keys.unseal(old, sealed, b"about") == b"content"


def test_what_is_sealed_is_bound_to_what_it_is_about(tmp_path: Path) -> None:
    keys = SubjectKeys(keys_of(tmp_path))
    master, sealed = keys.seal(b"content", b"about")
    with pytest.raises(TransientError):
        keys.unseal(master, sealed, b"another")


def test_the_name_is_looked_up_the_same_whatever_the_master_key(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    keys = SubjectKeys(path)
    before = keys.lookup("main", "anna")
    add_master(path)
    assert SubjectKeys(path).lookup("main", "anna") == before
    assert keys.lookup("mai", "nanna") != before


def test_a_dropped_key_is_nowhere_in_the_folder(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    before = read_secrets(path)
    add_master(path)
    assert drop_masters(path, before.masters.keys()) == [before.current]
    old = base64.b64encode(before.masters[before.current])
    assert not [file for file in tmp_path.rglob("*") if old in file.read_bytes()]


def test_what_a_killed_process_was_writing_is_overwritten_by_the_next(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    before = read_secrets(path)
    # Killed when the new content was written, and before it took the file's place.
    left = tmp_path / f".{path.name}.unfinished"
    left.write_bytes(path.read_bytes())
    same = tmp_path / "same blocks"
    same.hardlink_to(left)
    add_master(path)
    drop_masters(path, before.masters.keys())
    old = base64.b64encode(before.masters[before.current])
    assert not [file for file in tmp_path.rglob("*") if old in file.read_bytes()]


def test_the_current_key_is_never_dropped(tmp_path: Path) -> None:
    path = keys_of(tmp_path)
    before = read_secrets(path)
    assert drop_masters(path, before.masters.keys()) == []
    assert read_secrets(path) == before


def test_after_a_rotation_all_are_found_and_what_was_deleted_cannot_be_read(tmp_path: Path) -> None:
    path, table = keys_of(tmp_path), MemoryTable()
    here = edge(table, path)
    names = [f"u{number}" for number in range(300)]
    before = here.subjects_of("main", names)
    anna = here.subject_of("main", "anna")
    kept = dict(table.rows)
    here.erased.add(anna.id)
    assert here.store.destroy("main", "anna", anna.id)
    bob = here.subject_of("main", "bob")
    here.erased.add(bob.id)  # half-done

    done = rotate(path, here.store, pause=lambda seconds: None)
    assert (done.resealed, done.deleted, len(done.dropped)) == (300, 1, 1)
    assert edge(table, path).subjects_of("main", names) == before
    assert set(here.store.sealed_with()) == {read_secrets(path).current}
    keys = SubjectKeys(path)
    assert not table.rows.keys() & {("main", keys.lookup("main", name)) for name in ("anna", "bob")}
    for (site, lookup), (master, sealed) in kept.items():
        with pytest.raises(TransientError, match="lacks"):
            keys.unseal(master, sealed, lookup + site.encode())


def test_a_rotation_waits_for_an_edge_that_still_seals_with_the_old_key(tmp_path: Path) -> None:
    path, table = keys_of(tmp_path), MemoryTable()
    here, late = edge(table, path), edge(table, path)
    here.subject_of("main", "anna")
    old = SubjectKeys(path)
    waits: list[float] = []

    def late_write(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            key = ("main", old.lookup("main", "bob"))
            master, sealed = next(iter(held))
            table.rows[key] = (master, sealed)

    # A row that was sealed before the new key came, and written after the first look.
    bob = late.subject_of("main", "bob")
    held = [table.rows.pop(("main", old.lookup("main", "bob")))]
    done = rotate(path, here.store, pause=late_write)
    assert len(waits) == 3
    assert done.resealed == 2
    assert edge(table, path).find("main", "bob") == bob


def test_an_erasure_wins_over_a_rotation_at_the_same_time(tmp_path: Path) -> None:
    path, table = keys_of(tmp_path), MemoryTable()
    here = edge(table, path)
    anna = here.subject_of("main", "anna")
    add_master(path)
    replace = table.replace

    def erased_before(changes):  # type: ignore[no-untyped-def]
        here.erased.add(anna.id)
        assert here.store.destroy("main", "anna", anna.id)
        return replace(changes)

    table.replace = erased_before  # type: ignore[method-assign]
    assert here.store.reseal() == (0, 0, {})
    assert not table.rows
