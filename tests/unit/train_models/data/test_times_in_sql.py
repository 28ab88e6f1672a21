"""A column's times in SQL are those that the API and a model's inputs read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from headrace.errors import ConfigurationError
from headrace.instants import parse_any_instant
from tests.unit.train_models.data.making import prepared
from train_models.data.cells import Cells, as_times
from train_models.data.data_spec import Data
from train_models.data.duck import duck, view
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.times_in_sql import epoch_us


def in_sql(folder: Path, values: list[Any]) -> list[int]:
    pq.write_table(pa.table({"at": values}), folder / "rows.parquet")
    with duck(folder, 64) as connection:
        columns = view(connection, "rows", folder / "rows.parquet")
        expression = epoch_us(connection, "rows", "at", columns["at"])
        return [row[0] for row in connection.table("rows").project(expression).fetchall()]


@pytest.mark.parametrize(
    "values",
    [
        [1_769_860_800, 1_769_860_800_000, 1_769_860_800_123_456, 1_769_860_800_123_456_789],
        [0, 99_999_999_999, 100_000_000_000, 99_999_999_999_999, 10**14, 10**17 - 1, 10**17, 2**63 - 1],
        [-1, -62_135_596_800, -1_769_860_800_123_456_789],
        [1_769_860_800.0, 1_769_860_800.123456, 1_769_860_800_123.0, 1.769860800123456e15, 1.7698608e18, -0.5],
        ["1769860800", " 1769860800000 ", "1769860800123456", "1769860800123456789", "1769860800.25", "1.7698608e9"],
        # Not the same in float64.
        ["1769860800123472000", "1769860800123536000"],
        ["2026-01-31T12:00:00Z", "2026-01-31 13:00:00+01:00", "2026-01-31T12:00:00.123456Z", "1960-05-01T00:00Z"],
        ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
    ],
)
def test_a_time_is_the_one_that_the_api_reads(tmp_path: Path, values: list[Any]) -> None:
    expected = [parse_any_instant(value) for value in values]

    assert in_sql(tmp_path, values) == expected
    found = as_times(Cells("at", pa.array(values), np.arange(1, len(values) + 1)))
    assert found.tolist() == [us / 1_000_000 for us in expected]


@pytest.mark.parametrize("value", ["2026-01-31T12:00:00", "2026-01-31 12:00", datetime(2026, 1, 31, 12)])
def test_a_rows_time_without_a_zone_is_utc(tmp_path: Path, value: Any) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()

    assert in_sql(tmp_path, [value]) == [noon * 1_000_000]
    column = pa.array([value])
    column = column if pa.types.is_string(column.type) else column.cast(pa.timestamp("us", "UTC"))
    assert as_times(Cells("at", column, np.array([1]))).tolist() == [noon]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        ("14/11/2023", "'14/11/2023'"),
        ("epoch", "'epoch'"),
        ("infinity", "'infinity'"),
        ("1_0", "'1_0'"),
        ("2026-02-30", "'2026-02-30'"),
        ("1e21", "'1e21'"),
        ("", "''"),
        (None, "has none"),
    ],
)
def test_what_is_no_time_is_named(tmp_path: Path, bad: str | None, shown: str) -> None:
    with pytest.raises(ConfigurationError, match=f"column 'at' must hold .* row 2 .*{shown}"):
        in_sql(tmp_path, ["2026-01-31T12:00:00Z", bad])
    if bad is not None:
        with pytest.raises(ConfigurationError, match=f"column 'at', row 2: {shown} is no time"):
            as_times(Cells("at", pa.array(["0", bad]), np.array([1, 2])))


def test_a_number_or_timestamp_that_is_no_time_is_named(tmp_path: Path) -> None:
    moments: list[list[Any]] = [[1.0, float("inf")], [1.0, 1e21], list(np.array([0, 2**60], "datetime64[us]"))]
    for number, values in enumerate(moments):
        (folder := tmp_path / str(number)).mkdir()
        with pytest.raises(ConfigurationError, match=r"column 'at' must hold .* years 1 to 9999; row 2 has"):
            in_sql(folder, values)


def test_a_csvs_epoch_numbers_are_times_of_rows_tables_and_events(tmp_path: Path) -> None:
    """Seconds in one file and milliseconds in the other."""
    (tmp_path / "rows.csv").write_text("k,at,y\na,1769860800,1\na,1769860900,0\n")
    (tmp_path / "table.csv").write_text("k,since,f\na,1769860850000,7\na,1769860700000,3\n")
    join = {"from": {"files": "table.csv"}, "on": "k", "time": "since"}
    places = Places(data=tmp_path / "data", files=tmp_path)

    joined = freeze(Data.model_validate({"files": "rows.csv", "label": "y", "time": "at", "join": [join]}), places)

    assert joined.table(["f"]).column(0).to_pylist() == ["3", "7"]
    table = {"x": [1, 2], "y": ["yes", "no"], "at": ["1769860800", "1769860900000"]}
    rows = prepared(tmp_path, table, {"x": "number"}, time="at").rows
    assert rows.times is not None and rows.times.tolist() == [1_769_860_800.0, 1_769_860_900.0]
    events = {
        "entity": "k",
        "time": "since",
        "cuts": ["2026-01-31T11:59:59Z"],
        "features": {"n": {"count": "*"}},
        "label": {"count": "*", "within": "51s"},
    }
    made = freeze(Data.model_validate({"files": "table.csv", "label": "y", "events": events}), places)
    assert made.table(["n", "y"]).to_pylist() == [{"n": 1, "y": 1}]
