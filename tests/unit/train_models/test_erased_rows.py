"""What was frozen of erased subjects is deleted, with what was made of it, and nothing else."""

from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headrace.interactions.records import RAW
from train_models.data.snapshots import About, Snapshot, write_snapshot
from train_models.erased_rows import remove_erased
from train_models.old_trainings import note_trained

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


def test_nobody_is_asked_where_nothing_is_about_subjects(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path, {"x": [1.0]}, About(ranges={"readings.clean": RANGES}))
    assert remove_erased(tmp_path, lambda: pytest.fail("Kafka may be away")) == []
    assert names(tmp_path / "snapshots") == {snapshot.sha256}


def test_nothing_goes_while_nobody_is_erased(tmp_path: Path) -> None:
    frozen(tmp_path, {"item": ["d"]}, About(ranges={RAW: RANGES}))
    assert remove_erased(tmp_path, frozenset) == []
