"""A snapshot is named by its rows alone, and is what was frozen or is refused."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import snapshot_of
from train_models.data.blocks import BLOCK_ROWS
from train_models.data.snapshots import About, load_snapshot, write_snapshot

TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int64()),
        "x": [0.5, None, float("nan")],
        "t": ["a", None, "ü"],
        "b": [True, None, False],
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
    }
)


def test_the_hash_is_of_the_rows_however_they_were_cut(tmp_path: Path) -> None:
    count = BLOCK_ROWS + 5_000
    long = pa.table({"n": list(range(count)), "t": [None if n % 7 == 0 else str(n) for n in range(count)]})

    hashes = {snapshot_of(tmp_path / str(cut), long, cut).sha256 for cut in (1_013, 40_000, count)}

    assert len(hashes) == 1
    path = tmp_path / "1013" / "snapshots" / next(iter(hashes)) / "rows.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=999, compression="none")
    assert load_snapshot(next(iter(hashes)), tmp_path / "1013").rows == count


def test_reading_takes_the_memory_of_few_blocks(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random(20 * BLOCK_ROWS)
    snapshot = snapshot_of(tmp_path, pa.table({"x": numbers}), BLOCK_ROWS)
    before = pa.total_allocated_bytes()

    held = [pa.total_allocated_bytes() - before for _ in snapshot.batches()]

    assert len(held) == 20
    assert max(held) < numbers.nbytes / 3


def test_types_that_mean_the_same_hash_the_same(tmp_path: Path) -> None:
    small = TABLE.set_column(0, "n", TABLE["n"].cast(pa.int8()))
    small = small.set_column(2, "t", TABLE["t"].cast(pa.large_string()).dictionary_encode())

    assert snapshot_of(tmp_path, small).sha256 == snapshot_of(tmp_path, TABLE).sha256


@pytest.mark.parametrize(
    "other",
    [
        TABLE.rename_columns(["m", "x", "t", "b", "at"]),
        TABLE.set_column(0, "n", pa.array([1, 0, 3])),
        TABLE.set_column(0, "n", pa.array([1.0, None, 3.0])),
        TABLE.set_column(2, "t", pa.array(["a", "", "ü"])),
        TABLE.set_column(2, "t", pa.array(["", None, "aü"])),
        TABLE.set_column(3, "b", pa.array([True, False, False])),
        TABLE.take([2, 1, 0]),
        TABLE.slice(0, 2),
        TABLE.select(["x", "n", "t", "b", "at"]),
    ],
)
def test_other_rows_have_another_hash(other: pa.Table, tmp_path: Path) -> None:
    assert snapshot_of(tmp_path, other).sha256 != snapshot_of(tmp_path, TABLE).sha256


def test_a_slice_hashes_as_a_copy_does(tmp_path: Path) -> None:
    longer = pa.concat_tables([TABLE, TABLE, TABLE]).combine_chunks()

    assert snapshot_of(tmp_path, longer.slice(3, 3)).sha256 == snapshot_of(tmp_path, TABLE).sha256


def test_freezing_again_changes_nothing(tmp_path: Path) -> None:
    first = snapshot_of(tmp_path, TABLE)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    second = snapshot_of(tmp_path, TABLE)

    assert second.made == first.made
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_same_rows_from_elsewhere_say_where_from_this_time(tmp_path: Path) -> None:
    def told(topic: str) -> About:
        return About(source={"topic": topic}, ranges={topic: {"0": (0, 3)}})

    first = write_snapshot(TABLE.to_batches(), lambda: told("sources.a"), tmp_path)
    second = write_snapshot(TABLE.to_batches(), lambda: told("sources.b"), tmp_path)

    assert (second.sha256, second.made) == (first.sha256, first.made)
    assert second.about.source == {"topic": "sources.b"}
    assert set(load_snapshot(first.sha256, tmp_path).about.ranges) == {"sources.a", "sources.b"}


def test_what_failed_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()
        raise OSError("the source went away")

    with pytest.raises(OSError, match="went away"):
        write_snapshot(broken(), About, tmp_path)

    assert list((tmp_path / "snapshots").iterdir()) == []


def test_no_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the source gave no rows"):
        snapshot_of(tmp_path, TABLE.slice(0, 0))


def test_a_nested_column_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"column 'tags' is of type list.*leave it out"):
        snapshot_of(tmp_path, pa.table({"tags": [["a"]]}))


def test_changed_rows_are_refused(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, TABLE)
    pq.write_table(TABLE.set_column(0, "n", pa.array([1, None, 4])), snapshot.path)

    with pytest.raises(ConfigurationError, match="holds other rows than those that were frozen"):
        load_snapshot(snapshot.sha256, tmp_path)


@pytest.mark.parametrize("harm", ["other rows", "no rows", "no about", "half an about", "another hash"])
def test_freezing_replaces_a_snapshot_that_was_changed_or_is_incomplete(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = snapshot_of(tmp_path, TABLE)
    about = snapshot.folder / "snapshot.json"
    if harm == "other rows":
        pq.write_table(TABLE.set_column(0, "n", pa.array([1, None, 4])), snapshot.path)
    elif harm == "no rows":
        snapshot.path.unlink()
    elif harm == "no about":
        about.unlink()
    elif harm == "half an about":
        about.write_bytes(about.read_bytes()[:40])
    else:
        about.write_text(about.read_text().replace(snapshot.sha256, "0" * 64))

    again = snapshot_of(tmp_path, TABLE)

    assert again.sha256 == snapshot.sha256
    assert again.table(["n"]).column(0).to_pylist() == [1, None, 3]
    assert load_snapshot(again.sha256, tmp_path).rows == 3
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == [again.sha256]
    assert "a snapshot is replaced" in caplog.text


def test_a_snapshot_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut could leave a name whose rows are not there."""
    done: list[str] = []
    sync, rename = os.fsync, Path.rename

    def noted_sync(descriptor: int) -> None:
        done.append(re.sub(r"\.making-\w+", "new", Path(f"/proc/self/fd/{descriptor}").resolve().name))
        sync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        done.append("renamed")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "rename", noted_rename)

    snapshot_of(tmp_path, TABLE)

    assert sorted(done[:3]) == ["new", "rows.parquet", "snapshot.json"]
    assert done[2:] == ["new", "renamed", "snapshots"]


def test_a_damaged_snapshot_and_a_name_that_is_none_are_refused(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, TABLE)
    snapshot.path.write_bytes(b"PAR1")

    with pytest.raises(ConfigurationError, match="can't be read"):
        load_snapshot(snapshot.sha256, tmp_path)
    for name in ("../" * 21 + "x", "0" * 63, "0" * 64):
        with pytest.raises(ConfigurationError, match=r"no hash of a snapshot|can't be read"):
            load_snapshot(name, tmp_path)


def test_it_tells_where_its_rows_are_from(tmp_path: Path) -> None:
    about = About(source={"files": "a.csv"}, ranges={"t": {"0": (3, 9)}}, left_out={"deletions": 2})
    snapshot = write_snapshot(TABLE.to_batches(), lambda: about, tmp_path)

    written = json.loads((snapshot.folder / "snapshot.json").read_text())
    assert written["about"] == {
        "source": {"files": "a.csv"},
        "ranges": {"t": {"0": [3, 9]}},
        "left_out": {"deletions": 2},
    }
    assert list(written["columns"].items())[-1] == ("at", "timestamp[us, tz=UTC]")
    assert load_snapshot(snapshot.sha256, tmp_path).about == about
