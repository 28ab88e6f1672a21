"""From a snapshot to training rows: every value is of its input's kind, or named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input, columns
from tests.unit.train_models.data.making import prepared

T0 = datetime(2026, 1, 1, tzinfo=UTC)
YES_NO = ["yes", "no", "no"]


def one(folder: Path, kind: str, values: list[Any], nullable: bool = True, **spec: Any) -> list[Any]:
    """A column of one input beside a label."""
    labels = [YES_NO[number % 3] for number in range(len(values))]
    rows = prepared(folder, {"x": values, "y": labels}, {"x": {"kind": kind, "nullable": nullable, **spec}}).rows
    return [None if value != value or value == "" else value for value in rows.frame["x"].tolist()]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", ["1", " 2.5", None, "-1e3"], [1.0, 2.5, None, -1000.0]),
        ("number", [1, None, 3], [1.0, None, 3.0]),
        ("number", [True, None, False], [1.0, None, 0.0]),
        ("number", [None, None, None], [None, None, None]),
        ("boolean", ["true", "No", "YES", "0", "1", None], [1.0, 0.0, 1.0, 0.0, 1.0, None]),
        ("boolean", [0, 1, None], [0.0, 1.0, None]),
        ("boolean", [0.0, 1.0, None], [0.0, 1.0, None]),
        ("boolean", [True, False], [1.0, 0.0]),
        ("category", [3, 20, None], ["3", "20", None]),
        ("category", ["b", "a", None], ["b", "a", None]),
        ("time", [T0, None, T0], [T0.timestamp(), None, T0.timestamp()]),
        ("time", ["2026-01-01T01:00:00+01:00", None, "2026-01-01T00:00Z"], [T0.timestamp(), None, T0.timestamp()]),
        ("time", [int(T0.timestamp() * 1e6), None, 0], [T0.timestamp(), None, 0.0]),
    ],
)
def test_values_are_of_their_inputs_kind(tmp_path: Path, kind: str, values: list[Any], expected: list[Any]) -> None:
    assert one(tmp_path, kind, values) == expected


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("number", ["1", " ", "3"], "column 'x', row 2: ' ' is no number"),
        ("number", ["1", "2", "nan"], "column 'x', row 3: 'nan' is no number"),
        ("number", ["1", "inf"], "row 2: 'inf' is no number"),
        ("number", ["1", "1_000"], "row 2: '1_000' is no number"),
        ("number", [T0, T0], "row 1: datetime.* is no number"),
        ("boolean", ["yes", "maybe"], "row 2: 'maybe' is none of true, false, yes, no, 1 and 0"),
        ("boolean", [1, 2], "row 2: 2 is none of"),
        (
            "time",
            ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"],
            "row 2: .* is no time in the years 1 to 9999: ISO 8601 with a zone",
        ),
        ("time", [True, False], "row 1: True is no time"),
        ("time", ["0", "1e21"], "column 'x', row 2: '1e21' is no time"),
        ("time", [datetime(2026, 1, 1), np.datetime64("12026-01-01", "us")], "row 2: 3.* is outside the years 1 to"),
        ("number", [1.0, float("inf")], "column 'x', row 2: inf is no finite number"),
        ("number", [1.0, float("-inf")], "column 'x', row 2: -inf is no finite number"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path: Path, kind: str, values: list[Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        one(tmp_path, kind, values)


def test_rows_have_the_numbers_of_the_snapshot_in_messages(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="row 4: 'b' is no number"):
        prepared(tmp_path, {"x": ["a", "1", None, "b"], "y": [None, "yes", "no", "no"]}, {"x": "number"})


def test_a_missing_value_is_refused_where_it_may_not_be(tmp_path: Path) -> None:
    for kind, values in (("number", [1, None, None]), ("category", ["a", None, ""])):
        with pytest.raises(ConfigurationError, match="no value in row 2 and 1 others: say `nullable: true`"):
            one(tmp_path, kind, values, nullable=False)


def test_a_value_outside_what_the_file_allows_is_refused(tmp_path: Path) -> None:
    assert one(tmp_path, "number", [0, 5, None], minimum=0, maximum=5) == [0.0, 5.0, None]
    with pytest.raises(ConfigurationError, match="row 2: -1 is below the minimum of 0"):
        one(tmp_path, "number", [3, -1], minimum=0)
    with pytest.raises(ConfigurationError, match="row 2: 9 is above the maximum of 5"):
        one(tmp_path, "number", [3, 9], maximum=5)


def test_the_frame_is_what_a_request_of_the_same_values_becomes(tmp_path: Path) -> None:
    values: dict[str, list[Any]] = {"n": [1.5, None], "b": [True, False], "c": [7, None], "t": ["long text", None]}
    kinds = {"n": "number", "b": "boolean", "c": "category", "t": "text"}
    inputs = {name: {"kind": kind, "nullable": True} for name, kind in kinds.items()}

    frame = prepared(tmp_path, {**values, "y": ["yes", "no"]}, inputs).rows.frame

    requests = [{name: column[number] for name, column in values.items()} for number in range(2)]
    served = columns([Input(name, kind, True) for name, kind in kinds.items()], requests)  # type: ignore[arg-type]
    for name, column in served.items():
        assert frame[name].to_numpy().dtype == column.dtype
        np.testing.assert_array_equal(frame[name].to_numpy(), column)


def test_levels_are_those_of_the_rows(tmp_path: Path) -> None:
    found = prepared(
        tmp_path,
        {"x": ["b", "a", None, "b"], "y": ["yes", "no", "no", "no"]},
        {"x": {"kind": "category", "nullable": True}},
    )

    assert found.rows.inputs[0].levels == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["Yes", "No", "yes "], True),
        ([1, 0, 1], "1"),
        ([1, 0, 1], True),
        ([True, False, True], True),
        (["1.0", "0", "1"], 1),
        (["churned", "stayed", "Churned"], "churned"),
        ([2.5, 1.0, 2.5], 2.5),
    ],
)
def test_the_positive_class_is_found_however_it_is_written(tmp_path: Path, labels: list[Any], positive: Any) -> None:
    rows = prepared(tmp_path, {"x": [1, 2, 3], "y": labels}, {"x": "number"}, positive=positive).rows

    assert rows.target.tolist() == [1, 0, 1]
    assert rows.target.dtype == np.int8


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["yes", "no", "maybe"], "3 classes .*between two"),
        (["yes", "yes", "yes"], "1 classes"),
        (["a", "b", "a"], "is never 'yes', which `positive` says; it is 'a', 'b'"),
        ([None, None, None], "label 'y' is missing in all 3 rows"),
    ],
)
def test_a_label_that_is_no_two_classes_is_refused(tmp_path: Path, labels: list[Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        prepared(tmp_path, {"x": [1, 2, 3], "y": labels}, {"x": "number"})


def test_a_regressions_label_is_a_number(tmp_path: Path) -> None:
    rows = prepared(tmp_path, {"x": [1, 2], "y": ["3.5", "-1"]}, {"x": "number"}, task="regression").rows

    assert rows.target.tolist() == [3.5, -1.0]
    with pytest.raises(ConfigurationError, match="column 'y', row 2: inf is no finite number"):
        prepared(tmp_path, {"x": [1, 2], "y": [3.5, float("inf")]}, {"x": "number"}, task="regression")
    with pytest.raises(ConfigurationError, match="column 'y', row 2: 'b' is no number"):
        prepared(tmp_path, {"x": [1, 2], "y": ["3.5", "b"]}, {"x": "number"}, task="regression")


def test_rows_without_a_label_and_duplicates_are_left_out_and_counted(tmp_path: Path) -> None:
    table = {
        "k": ["a", "b", "c", "d", "e"],
        "x": [1.0, None, None, 1.0, 2.0],
        "y": ["yes", "no", "no", "no", None],
    }
    inputs = {"x": {"kind": "number", "nullable": True}}

    kept = prepared(tmp_path, table, inputs, id="k")
    dropped = prepared(tmp_path, table, inputs, id="k", drop_duplicates=True)

    assert (kept.without_label, kept.duplicates, kept.rows.ids.tolist()) == (1, 0, ["a", "b", "c", "d"])
    assert (dropped.without_label, dropped.duplicates, dropped.rows.ids.tolist()) == (1, 1, ["a", "b", "d"])
    assert dropped.rows.target.tolist() == [1, 0, 0]


def test_times_groups_and_ids(tmp_path: Path) -> None:
    table = {"x": [1, 2], "y": ["yes", "no"], "at": [T0, T0], "g": [7, 8]}

    rows = prepared(tmp_path, table, {"x": "number"}, time="at", group="g").rows

    assert rows.times is not None and rows.times.tolist() == [T0.timestamp()] * 2
    assert rows.groups is not None and rows.groups.tolist() == ["7", "8"]
    assert rows.ids.tolist() == ["1", "2"]
    with pytest.raises(ConfigurationError, match="time 'at' is missing in row 2"):
        prepared(tmp_path, {**table, "at": [T0, None]}, {"x": "number"}, time="at")


def test_a_column_that_is_not_there_and_an_accepted_stranger_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column 'z'; there are x, y"):
        prepared(tmp_path, {"x": [1, 2], "y": ["yes", "no"]}, {"x": "number", "z": "number"})
    with pytest.raises(ConfigurationError, match=r"data\.accept: z not among the inputs"):
        prepared(tmp_path, {"x": [1, 2], "y": ["yes", "no"]}, {"x": "number"}, accept={"z": "why not"})
