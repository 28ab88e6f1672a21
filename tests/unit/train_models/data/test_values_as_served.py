"""A value means the same where a model is trained and where it answers, whatever source it came from."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from headrace.models.inputs import columns
from headrace.models.records import Prediction
from headrace.models.row_model import RowModel
from headrace.records import RowSchema, decode, encode, headers_of
from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.snapshots import About, Snapshot, write_snapshot
from train_models.data.sources.prediction_rows import with_features
from train_models.data.sources.record_columns import RecordColumns
from train_models.data.sources.row_columns import RowColumns
from train_models.data.training_rows import training_rows
from train_models.model_file import ModelFile
from train_models.training_result import TrainingRows

LABELS = ["yes", "no", "yes", "no"]


def of_csv(folder: Path, values: list[Any]) -> Snapshot:
    lines = [f"{'' if value is None else value},{label}" for value, label in zip(values, LABELS, strict=True)]
    (folder / "rows.csv").write_text("\n".join(["x,y", *lines]))
    return freeze(Data(files="rows.csv", label="y"), Places(data=folder / "data", files=folder))


def of_parquet(folder: Path, values: list[Any]) -> Snapshot:
    pq.write_table(pa.table({"x": values, "y": LABELS}), folder / "rows.parquet")
    return freeze(Data(files="rows.parquet", label="y"), Places(data=folder / "data", files=folder))


def of_pandas_parquet(folder: Path, values: list[Any]) -> Snapshot:
    """Whole numbers with a gap are floats there."""
    return of_parquet(folder, [None if value is None else float(value) for value in values])


def of_json_lines(folder: Path, values: list[Any]) -> Snapshot:
    rows = [{"x": value, "y": label} for value, label in zip(values, LABELS, strict=True)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return freeze(Data(files="rows.jsonl", label="y"), Places(data=folder / "data", files=folder))


def of_topic(folder: Path, values: list[Any]) -> Snapshot:
    """A source's own topic: all of its numbers are float64."""
    kind: Any = "text" if isinstance(values[0], str) else "boolean" if isinstance(values[0], bool) else "number"
    schema = RowSchema("sources.t", "t", 1, "{id}", {"x": kind, "y": "text"}, 1)
    rows = RowColumns(schema)
    encoded = [json.dumps({"x": value, "y": label}).encode() for value, label in zip(values, LABELS, strict=True)]
    records, broken, _ = rows.decode(encoded)
    assert not broken
    return write_snapshot([rows.batch(records)], About, folder)


def of_sql(folder: Path, values: list[Any]) -> Snapshot:
    kind = "TEXT" if isinstance(values[0], str) else "REAL"
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        database.execute(f"CREATE TABLE t (x {kind}, y TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?)", list(zip(values, LABELS, strict=True)))
        database.commit()
    places = Places(data=folder / "data", environment={"SHOP": f"sqlite:///{folder / 'shop.db'}"})
    spec = {"sql": {"url_variable": "SHOP", "query": "SELECT * FROM t ORDER BY rowid"}, "label": "y"}
    return freeze(Data.model_validate(spec), places)


def trained(snapshot: Snapshot, kind: str) -> TrainingRows:
    model = ModelFile.model_validate(
        {
            "name": "m",
            "task": "classification",
            "data": {"files": "-", "label": "y", "positive": "yes"},
            "inputs": {"x": {"kind": kind, "nullable": True}},
            "candidates": [{"algorithm": "logistic"}],
        }
    )
    return training_rows(snapshot, model).rows


SOURCES = [of_csv, of_parquet, of_pandas_parquet, of_json_lines, of_topic, of_sql]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_a_whole_number_is_one_category_in_training_and_serving(tmp_path: Path, source: Any, zero: Any) -> None:
    rows = trained(source(tmp_path, [0, 1, None, 1]), "category")
    served = RowModel("m", rows.inputs)

    row = served.read({"x": zero})

    assert rows.inputs[0].levels == ("0", "1")
    assert (row, served.unseen(row)) == ({"x": "0"}, [])
    assert columns(rows.inputs, [row])["x"].tolist() == rows.frame["x"].tolist()[:1]
    assert served.unseen(served.read({"x": 2})) == ["x"]


@pytest.mark.parametrize("source", [of_parquet, of_json_lines, of_topic])
def test_a_boolean_is_one_category_in_training_and_serving(tmp_path: Path, source: Any) -> None:
    rows = trained(source(tmp_path, [True, False, None, True]), "category")
    served = RowModel("m", rows.inputs)

    found = [served.read({"x": value}) for value in (True, False, None)]

    assert columns(rows.inputs, found)["x"].tolist() == rows.frame["x"].tolist()[:3] == ["true", "false", ""]
    assert [served.unseen(row) for row in found] == [[], [], []]


@pytest.mark.parametrize("source", [of_csv, of_parquet, of_json_lines, of_topic, of_sql])
def test_a_text_stays_as_it_is(tmp_path: Path, source: Any) -> None:
    rows = trained(source(tmp_path, ["1.0", "True", None, "007"]), "category")

    assert rows.inputs[0].levels == ("007", "1.0", "True")
    served = RowModel("m", rows.inputs)
    assert [served.unseen(served.read({"x": text})) for text in ("1.0", "True", "007", "1")] == [[], [], [], ["x"]]


def test_decimals_of_a_database_are_the_numbers_of_a_request(tmp_path: Path) -> None:
    snapshot = of_parquet(tmp_path, [Decimal("7.00"), Decimal("2.50"), None, Decimal("7.00")])

    rows = trained(snapshot, "category")

    served = RowModel("m", rows.inputs)
    assert [served.unseen(served.read({"x": value})) for value in (7, 2.5, "2.5")] == [[], [], []]


MOMENTS = [
    1_769_860_800,
    1_769_860_800_000,
    1_769_860_800_123_456,
    1_769_860_800_123_456_789,
    1_769_860_800.5,
    0,
    86_400,
    -5,
    99_999_999_999,
    100_000_000_000,
]


@pytest.mark.parametrize("source", [of_csv, of_parquet, of_json_lines, of_topic])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_epoch_number_is_one_time_in_training_and_serving(tmp_path: Path, source: Any, moment: float) -> None:
    rows = trained(source(tmp_path, [moment, None, moment, moment]), "time")

    row = RowModel("m", rows.inputs).read({"x": float(moment) if source is of_topic else moment})

    assert rows.frame["x"].tolist()[0] == row["x"] == columns(rows.inputs, [row])["x"][0]


@pytest.mark.parametrize("text", ["1960-05-01T00:00:00Z", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999Z"])
def test_a_time_of_any_year_is_one_in_training_and_serving(tmp_path: Path, text: str) -> None:
    rows = trained(of_csv(tmp_path, [text, "", text, text]), "time")
    served = RowModel("m", rows.inputs)

    row = served.read({"x": text})

    assert rows.frame["x"].tolist()[0] == row["x"]
    assert served.read(served.recorded(row)) == row


def test_what_was_predicted_is_trained_on_as_it_was(tmp_path: Path) -> None:
    """From rows by the API's model to the record in Kafka and back: the very columns of the first training."""
    first = datetime(1970, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    born = [first, None, first - timedelta(days=20_000), first + timedelta(days=20_000)]
    inputs = {
        "born": {"kind": "time", "nullable": True},
        "plan": {"kind": "category", "nullable": True},
        "calls": "number",
        "active": "boolean",
        "note": {"kind": "text", "nullable": True},
    }
    table = {
        "born": pa.array(born, pa.timestamp("us", "UTC")),
        "plan": [0.0, 1.0, None, 1.0],
        "calls": [1, 2, 3, 4],
        "active": [True, False, True, True],
        "note": ["a b", None, "c", "7"],
        "y": LABELS,
    }
    model = ModelFile.model_validate(
        {
            "name": "m",
            "task": "classification",
            "data": {"files": "-", "label": "y", "positive": "yes"},
            "inputs": inputs,
            "candidates": [{"algorithm": "logistic"}],
        }
    )
    original = training_rows(write_snapshot(pa.table(table).to_batches(), About, tmp_path / "first"), model).rows
    served = RowModel("m", original.inputs)
    sent = [
        {"born": "1970-02-03T05:05:06.789012+01:00", "plan": 0, "calls": 1, "active": True, "note": "a b"},
        {"born": None, "plan": "1", "calls": 2.0, "active": False, "note": None},
        {"born": born[2].isoformat(), "plan": None, "calls": 3, "active": True, "note": "c"},  # type: ignore[union-attr]
        {"born": int(born[3].timestamp() * 1e6), "plan": 1.0, "calls": 4, "active": True, "note": "7"},  # type: ignore[union-attr]
    ]

    rows = [served.read(row) for row in sent]
    made = [
        Prediction(f"{number}", "home", "m", 1, "champion", 1, served.recorded(row), 0.5)
        for number, row in enumerate(rows)
    ]
    logged = [decode(encode(each), headers_of(each)) for each in made]
    features = with_features(RecordColumns("prediction.v1").batch(logged))
    learned = pa.Table.from_batches([features]).append_column("y", pa.array(LABELS))
    again = training_rows(write_snapshot(learned.to_batches(), About, tmp_path / "again"), model).rows

    assert again.inputs == original.inputs
    for name in inputs:
        np.testing.assert_array_equal(again.frame[name].to_numpy(), original.frame[name].to_numpy())
        np.testing.assert_array_equal(columns(original.inputs, rows)[name], original.frame[name].to_numpy())
