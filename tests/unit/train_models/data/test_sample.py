"""A sample is so many rows, each with the same chance, and the same ones for the same rows and seed."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import frozen, rows_of, snapshot_of
from train_models.data.blocks import BLOCK_ROWS
from train_models.data.data_spec import Data, Sample
from train_models.data.sample import draw, drawn_rows
from train_models.data.snapshots import Snapshot, load_snapshot

ROWS = 2 * BLOCK_ROWS + 1_000


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"n": number, "y": None if number % 4 == 0 else number / 2} for number in range(count)]


def drawn(snapshot: Snapshot, sample: Sample) -> list[int]:
    batches = drawn_rows(snapshot, "y", sample, draw(snapshot, "y", sample))
    return [number for batch in batches for number in batch.column("n").to_pylist()]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(tmp_path_factory.mktemp("long"), pa.Table.from_pylist(numbered(ROWS)))


@pytest.mark.parametrize("rows", [1, 999, BLOCK_ROWS, 90_000])
def test_so_many_different_rows_with_a_label_in_their_order(long: Snapshot, rows: int) -> None:
    found = drawn(long, Sample(rows=rows))

    assert len(found) == rows
    assert found == sorted(set(found))
    assert all(number % 4 for number in found)


def test_every_row_has_the_same_chance(long: Snapshot) -> None:
    found = np.concatenate([drawn(long, Sample(rows=3_000, seed=seed)) for seed in range(20)])

    per_tenth = np.histogram(found, 10, (0, ROWS))[0]
    assert np.abs(per_tenth / 6_000 - 1).max() < 0.06
    assert len(np.unique(found)) > 0.6 * len(found)


def test_the_seed_decides_and_the_cut_does_not(long: Snapshot, tmp_path: Path) -> None:
    cut_otherwise = snapshot_of(tmp_path, pa.Table.from_pylist(numbered(ROWS)))
    pq.write_table(pq.read_table(cut_otherwise.path), cut_otherwise.path, row_group_size=777)

    first = drawn(long, Sample(rows=500, seed=1))

    assert drawn(cut_otherwise, Sample(rows=500, seed=1)) == first
    assert drawn(long, Sample(rows=500, seed=2)) != first


def test_what_is_drawn_is_frozen_and_tells_what_was_left_out(tmp_path: Path) -> None:
    data = {"files": "rows.parquet", "label": "y", "sample": {"rows": 50, "seed": 3}}

    snapshot = frozen(tmp_path, data, rows=numbered(400))

    assert snapshot.rows == 50
    assert snapshot.about.source == {"sample": {"rows": 50, "seed": 3}}
    assert snapshot.about.left_out == {"rows without a label": 100, "rows that were not drawn": 250}
    (parent,) = snapshot.about.parents
    whole = load_snapshot(parent, tmp_path / "data")
    assert whole.rows == 400
    by_number = {row["n"]: row for row in rows_of(whole)}
    assert [by_number[row["n"]] for row in rows_of(snapshot)] == rows_of(snapshot)


def test_it_is_drawn_of_the_rows_that_events_make(tmp_path: Path) -> None:
    events = [{"user": f"u{number}", "at": f"2026-01-0{day}"} for number in range(30) for day in (1, 9)]
    made = {
        "entity": "user",
        "time": "at",
        "cuts": ["2026-01-05"],
        "features": {"n": {"count": "*"}},
        "label": {"none_within": "4d"},
    }

    snapshot = frozen(tmp_path, {"files": "rows.parquet", "label": "y", "events": made, "sample": 10}, rows=events)

    assert [row["n"] for row in rows_of(snapshot)] == [1] * 10


@pytest.mark.parametrize("rows", [300, 301])
def test_no_more_rows_than_wanted_stay_as_they_are(tmp_path: Path, rows: int) -> None:
    data = {"files": "rows.parquet", "label": "y"}

    sampled = frozen(tmp_path, {**data, "sample": rows}, rows=numbered(400))

    assert sampled.sha256 == frozen(tmp_path, data, rows=numbered(400)).sha256
    assert sampled.about.parents == ()


def test_a_label_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the data have no column 'z'; there are n, y"):
        frozen(tmp_path, {"files": "rows.parquet", "label": "z", "sample": 5}, rows=numbered(10))


@pytest.mark.parametrize("sample", [0, -1, True, "many", {"rows": 5, "share": 0.1}, {"rows": 5, "seed": -1}])
def test_a_sample_is_a_number_of_rows(sample: Any) -> None:
    with pytest.raises(ValidationError, match="sample"):
        Data.model_validate({"files": "-", "label": "y", "sample": sample})


def test_memory_is_for_the_drawn_alone(tmp_path: Path) -> None:
    peaks = [peak_of_a_draw(tmp_path / str(blocks), blocks) for blocks in (4, 40)]

    assert peaks[1] < 1.5 * peaks[0]


def peak_of_a_draw(folder: Path, blocks: int) -> int:
    """Bytes of Python's and numpy's; a key each would take 8 a row."""
    block = pa.table({"y": np.zeros(BLOCK_ROWS)})
    snapshot = snapshot_of(folder, pa.concat_tables([block] * blocks))
    tracemalloc.start()
    try:
        draw(snapshot, "y", Sample(rows=1_000))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
