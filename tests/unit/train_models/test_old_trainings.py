"""What old trainings left is removed, and nothing that anybody needs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from train_models.data.snapshots import About, Snapshot, load_snapshot, write_snapshot
from train_models.data_in_use import if_unused, in_use
from train_models.old_trainings import note_trained, remove_old


def _snapshot(data: Path, number: int, *parents: Snapshot) -> Snapshot:
    batch = pa.RecordBatch.from_pydict({"x": [number]})
    return write_snapshot([batch], lambda: About(parents=tuple(each.sha256 for each in parents)), data)


def _run(data: Path, name: str, snapshot: Snapshot | None = None, at: int = 0, model: str = "churn") -> Path:
    """A run's folder, finished if it has a snapshot."""
    folder = data / "trainings" / model / name
    folder.mkdir(parents=True)
    folder.with_suffix(".lock").touch()
    (folder / "run.json").write_text("{}")
    if snapshot:
        note_trained(folder, snapshot.sha256, at)
    else:
        os.utime(folder, (at, at))
    return folder


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_newest_runs_stay_with_their_snapshots(tmp_path: Path) -> None:
    snapshots = [_snapshot(tmp_path, number) for number in range(4)]
    for number, snapshot in enumerate(snapshots):
        _run(tmp_path, f"run{number}", snapshot, at=100 - number)
    other = _snapshot(tmp_path, 10)
    _run(tmp_path, "old", other, at=1, model="other")
    remove_old(tmp_path, 2, ())

    assert _names(tmp_path / "trainings" / "churn") == {"run0", "run1", "run0.lock", "run1.lock"}
    assert _names(tmp_path / "trainings" / "other") == {"old", "old.lock"}
    assert _names(tmp_path / "snapshots") == {snapshots[0].sha256, snapshots[1].sha256, other.sha256}


def test_a_snapshot_of_a_version_stays_with_all_that_it_was_made_of(tmp_path: Path) -> None:
    topic, table = _snapshot(tmp_path, 1), _snapshot(tmp_path, 2)
    events = _snapshot(tmp_path, 3, topic)
    joined = _snapshot(tmp_path, 4, events, table)
    nobodys = _snapshot(tmp_path, 5, topic)
    newest = _snapshot(tmp_path, 6)
    _run(tmp_path, "of_version", joined, at=1)
    _run(tmp_path, "newest", newest, at=2)
    remove_old(tmp_path, 1, (joined.sha256, "f" * 64))

    assert _names(tmp_path / "trainings" / "churn") == {"newest", "newest.lock"}
    assert _names(tmp_path / "snapshots") == {each.sha256 for each in (topic, table, events, joined, newest)}
    assert load_snapshot(joined.sha256, tmp_path).rows == 1
    assert not (tmp_path / "snapshots" / nobodys.sha256).exists()


def test_hold_outs_and_ledgers_are_not_touched(tmp_path: Path) -> None:
    kept = [tmp_path / "runs" / "abc" / "hold_out.json", tmp_path / "hold_outs" / "looks.jsonl"]
    kept += [tmp_path / "artifacts" / "churn" / "manifest.json", tmp_path / "trainings.json"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for number in range(3):
        _run(tmp_path, f"run{number}", _snapshot(tmp_path, number), at=number)
    remove_old(tmp_path, 1, ())

    assert all(path.read_text() == "x" for path in kept)


def test_the_newest_interrupted_runs_stay_too(tmp_path: Path) -> None:
    _run(tmp_path, "finished", _snapshot(tmp_path, 1), at=5)
    for number in range(4):
        _run(tmp_path, f"killed{number}", at=1_000 + number)
    remove_old(tmp_path, 2, ())

    assert {name for name in _names(tmp_path / "trainings" / "churn") if "." not in name} == {
        "finished",
        "killed2",
        "killed3",
    }


def test_what_a_kill_left_is_removed_the_next_time(tmp_path: Path) -> None:
    _run(tmp_path, "finished", _snapshot(tmp_path, 1), at=5)
    half = [tmp_path / "trainings" / "churn" / ".gone-1", tmp_path / "snapshots" / ".gone-2"]
    old, fresh = tmp_path / "snapshots" / ".making-old", tmp_path / "snapshots" / ".making-new"
    for folder in (*half, old, fresh):
        folder.mkdir()
        (folder / "rows.parquet").touch()
    day_ago = time.time() - 90_000
    os.utime(old, (day_ago, day_ago))
    remove_old(tmp_path, 1, ())

    assert not any(folder.exists() for folder in (*half, old))
    assert fresh.exists()


def test_a_run_that_is_asked_for_again_is_new(tmp_path: Path) -> None:
    folder = _run(tmp_path, "again", _snapshot(tmp_path, 1), at=1)
    _run(tmp_path, "between", _snapshot(tmp_path, 2), at=2)
    note_trained(folder, _snapshot(tmp_path, 1).sha256, 3)
    remove_old(tmp_path, 1, ())

    assert _names(tmp_path / "trainings" / "churn") == {"again", "again.lock"}


def test_nothing_is_removed_where_there_is_nothing(tmp_path: Path) -> None:
    remove_old(tmp_path, 1, ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trainings", [0, 1, 2])
def test_the_folder_is_unused_only_while_nobody_trains(tmp_path: Path, trainings: int) -> None:
    held = [in_use(tmp_path) for _ in range(trainings)]
    for each in held:
        each.__enter__()
    with if_unused(tmp_path) as is_unused:
        assert is_unused is (trainings == 0)
    for each in held:
        each.__exit__(None, None, None)
    with if_unused(tmp_path) as is_unused:
        assert is_unused
