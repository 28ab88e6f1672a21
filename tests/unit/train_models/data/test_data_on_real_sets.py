"""What is known of the real sets is found in them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from sklearn.metrics import roc_auc_score

from headrace.errors import ConfigurationError
from train_models.data.freeze import freeze
from train_models.data.leak_scan import leak_scan
from train_models.data.places import Places
from train_models.data.training_rows import PreparedRows, training_rows
from train_models.model_file import ModelFile

TELCO = "tabular/ibm-telco-churn/Telco-Customer-Churn.csv"
IRANIAN = "tabular/uci-iranian-churn/Customer_Churn.csv"


def model(inputs: dict[str, Any], **data: Any) -> ModelFile:
    task = data.pop("task", "classification")
    return ModelFile.model_validate(
        {"name": "m", "task": task, "data": data, "inputs": inputs, "candidates": [{"algorithm": "ridge"}]}
    )


def prepare(model: ModelFile, base: Path, folder: Path) -> PreparedRows:
    return training_rows(freeze(model.data, Places(data=folder, files=base)), model)


def header(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file))


def telco(base: Path, **data: Any) -> ModelFile:
    inputs: dict[str, Any] = {name: "category" for name in header(base / TELCO) if name not in ("customerID", "Churn")}
    inputs |= {"SeniorCitizen": "boolean", "tenure": "number", "MonthlyCharges": "number"}
    inputs["TotalCharges"] = {"kind": "number", "nullable": True}
    return model(inputs, files=TELCO, label="Churn", positive="Yes", id="customerID", **data)


def test_telco_has_eleven_blank_charges(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="column 'TotalCharges', row 489: ' ' is no number"):
        prepare(telco(shared_data), shared_data, tmp_path)

    found = prepare(telco(shared_data, missing_values=["", " "]), shared_data, tmp_path).rows

    assert len(found) == 7_043
    assert int(found.frame["TotalCharges"].isna().sum()) == 11
    assert found.target.mean() == pytest.approx(0.265, abs=0.001)
    assert [one.kind for one in leak_scan(found, "classification")] == ["duplicates"]


def test_iranian_has_three_hundred_duplicates(shared_data: Path, tmp_path: Path) -> None:
    names = [name for name in header(shared_data / IRANIAN) if name != "Churn"]
    assert "Call  Failure" in names
    spec = {"files": IRANIAN, "label": "Churn", "positive": 1}
    inputs = dict.fromkeys(names, "number")

    kept = prepare(model(inputs, **spec), shared_data, tmp_path)
    dropped = prepare(model(inputs, **spec, drop_duplicates=True), shared_data, tmp_path)

    assert (len(kept.rows), kept.duplicates) == (3_150, 0)
    (finding,) = leak_scan(kept.rows, "classification")
    assert finding.message.startswith("300 rows are exact duplicates")
    assert (len(dropped.rows), dropped.duplicates) == (2_850, 300)


def test_mammography_as_parquet(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "tabular/mammography/23_mammography.npz", allow_pickle=False) as content:
        features, labels = content["X"], content["y"].ravel()
    table = pa.table({**{f"f{number}": column for number, column in enumerate(features.T)}, "y": labels})
    pq.write_table(table, tmp_path / "mammography.parquet")
    spec = model(dict.fromkeys(table.column_names[:-1], "number"), files="*.parquet", label="y", positive=1)

    found = prepare(spec, tmp_path, tmp_path).rows

    assert (len(found), int(found.target.sum())) == (11_183, 260)


def test_the_web_shops_days_become_customers_who_leave_or_stay(shared_data: Path, tmp_path: Path) -> None:
    """Three months of events, of which the first two make features: recency alone already tells something."""
    folder = shared_data / "interactions" / "uci-online-retail"
    for name in ("2010-12-*", "2011-01-*", "2011-02-*"):
        for path in folder.glob(f"{name}.csv"):
            (tmp_path / path.name).symlink_to(path)
    events = {
        "entity": "CustomerID",
        "time": "InvoiceDate",
        "cuts": ["2011-01-24"],
        "where": {"Quantity": {"above": 0}},
        "features": {
            "days_since_order": {"days_since_last": "InvoiceNo"},
            "orders": {"distinct": "InvoiceNo"},
            "spent": {"sum": "Quantity", "times": "UnitPrice"},
            "country": {"last": "Country"},
        },
        "label": {"none_within": "30d"},
    }
    inputs = {"days_since_order": "number", "orders": "number", "spent": "number", "country": "category"}
    spec = model(inputs, files="*.csv", label="gone", positive=True, events=events)

    found = prepare(spec, tmp_path, tmp_path / "data").rows

    assert found.times is not None and set(found.times) == {1_295_827_200.0}
    assert 900 < len(found) == len(set(found.ids)) < 1_500
    assert 0.4 < found.target.mean() < 0.8
    assert 0.55 < roc_auc_score(found.target, found.frame["days_since_order"]) < 0.9
    assert leak_scan(found, "classification") == ()
