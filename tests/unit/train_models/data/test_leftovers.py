"""What killed trainings left is removed, and what others work in is not."""

import os
import time
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.unit.train_models.data.making import snapshot_of
from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places

LEFT = ["snapshots/.making-a1", "scratch/spool-b2", "scratch/duckdb-c3", "scratch/predictions-d4"]
DAY_S = 86_400


def left(path: Path, age_s: float) -> Path:
    """A folder with a file in it, both last written so long ago."""
    path.mkdir(parents=True)
    (path / "part").write_bytes(b"rows")
    for each in (path / "part", path):
        os.utime(each, (time.time() - age_s,) * 2)
    return path


@pytest.mark.parametrize("name", LEFT)
def test_a_freeze_removes_what_lay_untouched_for_a_day(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "rows.parquet")
    data = tmp_path / "data"
    old = left(data / name, DAY_S + 60)
    new = left(data / f"{name}-new", DAY_S - 60)
    at_work = left(data / f"{name}-work", DAY_S + 60)
    os.utime(at_work / "part")
    os.utime(at_work, (time.time() - DAY_S - 60,) * 2)
    others = left(data / Path(name).parent / "mine", DAY_S * 9)
    kept = snapshot_of(data, pa.table({"x": [7]}))
    os.utime(kept.folder, (time.time() - DAY_S * 9,) * 2)

    freeze(Data(files="rows.parquet", label="y"), Places(data=data, files=tmp_path))

    assert not old.exists()
    assert all(path.exists() for path in (new, at_work, others, kept.path))
