"""A file is taken when it is whole, once, and never anything that is no file; nothing is written over."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.testing import FakeClock
from ingest_sources.files.watched_folder import UnfitFile, WatchedFolder, open_claimed

STABLE_S = 5.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path, clock: FakeClock) -> Iterator[WatchedFolder]:
    folder = WatchedFolder(tmp_path / "in", "*.csv", STABLE_S, clock)
    folder.prepare()
    yield folder
    folder.release()


def drop(folder: WatchedFolder, name: str, text: str = "a\n1\n") -> Path:
    path = folder.path / name
    path.write_text(text)
    return path


def whole(folder: WatchedFolder, clock: FakeClock) -> list[str]:
    """The names that are whole once nothing has changed for long enough."""
    folder.whole()
    clock.advance(STABLE_S)
    return folder.whole()


def test_file_is_whole_when_it_has_not_changed_for_long_enough(folder: WatchedFolder, clock: FakeClock) -> None:
    path = drop(folder, "a.csv")
    assert folder.whole() == []
    clock.advance(STABLE_S - 1)
    path.write_text("a\n1\n2\n")
    assert folder.whole() == []
    clock.advance(STABLE_S - 1)
    assert folder.whole() == []
    clock.advance(1)
    assert folder.whole() == ["a.csv"]


def test_file_that_is_open_for_writing_is_not_whole(folder: WatchedFolder, clock: FakeClock) -> None:
    path = drop(folder, "a.csv")
    with path.open("a"):
        assert whole(folder, clock) == []
    assert folder.whole() == ["a.csv"]


def test_other_names_and_names_of_partial_files_are_left_alone(folder: WatchedFolder, clock: FakeClock) -> None:
    for name in ("b.txt", ".c.csv", "d.csv.part"):
        drop(folder, name)
    (folder.path / "e.csv").mkdir()
    assert whole(folder, clock) == []
    assert folder.waiting() == []


def test_oldest_file_comes_first(folder: WatchedFolder, clock: FakeClock) -> None:
    for age, name in ((1, "a.csv"), (3, "b.csv"), (2, "c.csv")):
        os.utime(drop(folder, name), (1_000 - age, 1_000 - age))
    assert whole(folder, clock) == ["b.csv", "c.csv", "a.csv"]


def test_claimed_file_is_out_of_the_writers_way_until_it_is_put_away(folder: WatchedFolder, clock: FakeClock) -> None:
    drop(folder, "a.csv", "first")
    claimed = folder.claim("a.csv")
    assert claimed is not None
    drop(folder, "a.csv", "second")
    assert folder.claimed() == [claimed]
    assert folder.archive(claimed).read_text() == "first"
    again = folder.claim("a.csv")
    assert again is not None
    assert folder.archive(again).name == "a.1.csv"
    assert [path.read_text() for path in folder.archived("a*.csv")] == ["second", "first"]
    assert folder.claimed() == []


def test_file_that_is_gone_is_not_claimed(folder: WatchedFolder) -> None:
    assert folder.claim("none.csv") is None


def test_quarantine_says_why(folder: WatchedFolder) -> None:
    drop(folder, "a.csv")
    claimed = folder.claim("a.csv")
    assert claimed is not None
    target = folder.quarantine(claimed, "row 3 is cut")
    assert target.parent.name == "quarantine"
    assert target.with_name("a.csv.why.txt").read_text() == "row 3 is cut\n"


def test_text_of_the_quarantine_follows_no_link_and_overwrites_nothing(folder: WatchedFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("keep")
    link = folder.path / "quarantine" / "a.csv.why.txt"
    link.symlink_to(other)
    drop(folder, "a.csv")
    claimed = folder.claim("a.csv")
    assert claimed is not None
    target = folder.quarantine(claimed, "it is cut")
    assert other.read_text() == "keep"
    assert link.is_symlink()
    assert target.with_name("a.csv.why.1.txt").read_text() == "it is cut\n"


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "caf\udce9.csv"])
def test_name_that_no_text_can_have_is_put_away_all_the_same(folder: WatchedFolder, name: str) -> None:
    drop(folder, name)
    claimed = folder.claim(name)
    assert claimed is not None
    assert folder.quarantine(claimed, "caf\udce9").name == name


def test_twin_of_the_longest_name_is_put_beside_it(folder: WatchedFolder) -> None:
    name = "x" * 251 + ".csv"
    for _ in range(2):
        drop(folder, name)
        claimed = folder.claim(name)
        assert claimed is not None
        assert folder.archive(claimed).suffix == ".csv"
    assert len(list((folder.path / "archive").iterdir())) == 2


def test_name_with_odd_characters_is_a_name(folder: WatchedFolder, clock: FakeClock) -> None:
    name = "a\n$(touch x);'\udcff.csv"
    drop(folder, name)
    assert whole(folder, clock) == [name]
    claimed = folder.claim(name)
    assert claimed is not None
    assert folder.archive(claimed).name == name


@pytest.mark.parametrize("kind", ["symlink", "fifo", "hardlink"])
def test_what_is_no_file_of_its_own_is_taken_and_never_read(
    folder: WatchedFolder, clock: FakeClock, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a\nsecret\n")
    path = folder.path / "a.csv"
    if kind == "symlink":
        path.symlink_to(secret)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.hardlink_to(secret)
    assert whole(folder, clock) == ["a.csv"]
    claimed = folder.claim("a.csv")
    assert claimed is not None
    with pytest.raises(UnfitFile):
        open_claimed(claimed)
    folder.quarantine(claimed, "no file")
    assert secret.read_text() == "a\nsecret\n"


def test_change_after_opening_is_noticed(folder: WatchedFolder) -> None:
    path = drop(folder, "a.csv")
    file = open_claimed(path)
    assert not file.has_changed()
    with path.open("a") as late:
        late.write("2\n")
    assert file.has_changed()
    file.close()


def test_two_files_of_equal_content_have_one_hash(folder: WatchedFolder) -> None:
    hashes = set()
    for name in ("a.csv", "b.csv"):
        file = open_claimed(drop(folder, name))
        hashes.add(file.sha256)
        file.close()
    assert len(hashes) == 1


def test_second_process_is_kept_out_until_the_first_is_done(folder: WatchedFolder, clock: FakeClock) -> None:
    second = WatchedFolder(folder.path, "*.csv", STABLE_S, clock)
    with pytest.raises(ConfigurationError, match="another process"):
        second.prepare()
    folder.release()
    second.prepare()
    second.release()
