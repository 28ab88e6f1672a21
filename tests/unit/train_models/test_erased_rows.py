"""What was frozen of erased subjects is deleted, with what was made of it, and nothing else."""

import os
import shutil
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headrace.interactions.records import RAW
from headrace.testing import FakeClock
from train_models.data.snapshots import About, Snapshot, write_snapshot
from train_models.data.spool import SPOOL
from train_models.data_in_use import in_use
from train_models.erased_rows import remove_erased
from train_models.old_trainings import note_trained
from train_models.settings import Settings
from train_models.upkeep import DailyForgetting

RANGES = {"0": (0, 2)}


def frozen(data: Path, columns: dict[str, list[object]], about: About) -> Snapshot:
    return write_snapshot([pa.RecordBatch.from_pydict(columns)], lambda: about, data)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_snapshots_with_an_erased_subject_go_with_all_that_was_made_of_them(tmp_path: Path) -> None:
    about = About(ranges={RAW: RANGES})
    mine = frozen(tmp_path, {"subject": ["s1", "s2"], "item": ["a", "b"]}, about)
    made = frozen(tmp_path, {"x": [1.0]}, About(parents=(mine.sha256,)))
    of_that = frozen(tmp_path, {"x": [2.0]}, About(parents=(made.sha256,)))
    others = frozen(tmp_path, {"subject": ["s2"], "item": ["c"]}, about)
    untold = frozen(tmp_path, {"item": ["d"]}, about)
    devices = frozen(tmp_path, {"subject": ["s1"]}, About(ranges={"readings.clean": RANGES}))
    run, kept = tmp_path / "trainings" / "shop" / "r1", tmp_path / "trainings" / "shop" / "r2"
    for folder, snapshot in ((run, of_that), (kept, others)):
        folder.mkdir(parents=True)
        note_trained(folder, snapshot.sha256, 1)

    gone = remove_erased(tmp_path, lambda: {"s1", "s9"})
    assert set(gone) == {mine.sha256, made.sha256, of_that.sha256, untold.sha256}
    assert names(tmp_path / "snapshots") == {others.sha256, devices.sha256}
    assert names(tmp_path / "trainings" / "shop") == {"r2"}


def test_a_removal_that_is_killed_again_and_again_leaves_nothing_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = frozen(tmp_path, {"subject": ["s1"]}, About(ranges={RAW: RANGES}))
    last = mine
    for number in range(5):
        last = frozen(tmp_path, {"x": [float(number)]}, About(parents=(last.sha256,)))
    remove = shutil.rmtree

    def killed_after(path: Path) -> None:
        remove(path)
        raise OSError("killed")

    monkeypatch.setattr(shutil, "rmtree", killed_after)
    for left in range(5, -1, -1):
        with pytest.raises(OSError, match="killed"):
            remove_erased(tmp_path, lambda: {"s1"})
        assert len(names(tmp_path / "snapshots")) == left


@pytest.mark.parametrize("topic", ["interactions.features.v2", "interactions.exposures.v2", "recommendations.made.a"])
def test_versions_of_topics_about_subjects_are_about_subjects_too(tmp_path: Path, topic: str) -> None:
    about_one = frozen(tmp_path, {"subject": ["s1"]}, About(ranges={topic: RANGES}))
    assert remove_erased(tmp_path, lambda: {"s1"}) == [about_one.sha256]


def test_the_service_forgets_once_a_day_and_not_while_somebody_trains(tmp_path: Path) -> None:
    clock, kept = FakeClock(), tmp_path / "scratch" / f"{SPOOL}1"
    forget = DailyForgetting(Settings(data=tmp_path), clock)

    def leave() -> None:
        kept.mkdir(parents=True)
        os.utime(kept, (0, 0))

    leave()
    with in_use(tmp_path):
        forget()
    assert kept.exists()
    forget()
    assert not kept.exists()
    leave()
    clock.advance(86_000)
    forget()
    assert kept.exists()
    clock.advance(1_000)
    forget()
    assert not kept.exists()


def test_nobody_is_asked_where_nothing_is_about_subjects(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path, {"x": [1.0]}, About(ranges={"readings.clean": RANGES}))
    assert remove_erased(tmp_path, lambda: pytest.fail("Kafka may be away")) == []
    assert names(tmp_path / "snapshots") == {snapshot.sha256}


def test_nothing_goes_while_nobody_is_erased(tmp_path: Path) -> None:
    frozen(tmp_path, {"item": ["d"]}, About(ranges={RAW: RANGES}))
    assert remove_erased(tmp_path, frozenset) == []
