"""Small data for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.snapshots import About, Snapshot, write_snapshot
from train_models.data.training_rows import PreparedRows, training_rows
from train_models.model_file import ModelFile


def snapshot_of(folder: Path, table: pa.Table, rows_a_batch: int = 1_000) -> Snapshot:
    return write_snapshot(table.to_batches(rows_a_batch), About, folder)


def prepared(folder: Path, columns: dict[str, Any], inputs: dict[str, Any], **data: Any) -> PreparedRows:
    """Training rows of columns, whose label is `y`."""
    task = data.pop("task", "classification")
    model = ModelFile.model_validate(
        {
            "name": "m",
            "task": task,
            "data": {"files": "-", "label": "y", "positive": "yes", **data},
            "inputs": inputs,
            "candidates": [{"algorithm": "ridge"}],
        }
    )
    return training_rows(snapshot_of(folder, pa.table(columns)), model)


def frozen(folder: Path, data: dict[str, Any], **tables: Iterable[dict[str, Any]]) -> Snapshot:
    """A snapshot by the whole way, over Parquet files of the given rows, each named as its keyword."""
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(list(rows)), folder / f"{name}.parquet")
    return freeze(Data.model_validate(data), Places(data=folder / "data", files=folder))


def rows_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = snapshot.table(snapshot.columns).to_pylist()
    return found
