"""Cells as drivers give them become the few types that rules know."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from ingest_sources.databases.cells import to_rows
from ingest_sources.databases.column_kinds import Kind
from ingest_sources.rows import ROW

CELLS = [
    (Kind.INTEGER, (1 << 63) - 1, (1 << 63) - 1),
    (Kind.INTEGER, Decimal("7"), 7),
    (Kind.NUMBER, float("inf"), float("inf")),
    (Kind.NUMBER, Decimal("0.5"), 0.5),
    (Kind.BOOLEAN, 1, True),
    (Kind.TIME, datetime(2026, 1, 1, 0, 0, 0, 1, UTC), 1_767_225_600_000_001),
    (Kind.LOCAL_TIME, datetime(2026, 1, 1), "2026-01-01T00:00:00.000000"),
    (Kind.DATE, date(2026, 1, 1), "2026-01-01"),
    (Kind.CLOCK, time(1, 2, 3), "01:02:03"),
    (Kind.DECIMAL, Decimal("1.10"), "1.10"),
    (Kind.BYTES, b"\x00\xff", "00ff"),
    (Kind.JSON, {"a": [1, None]}, '{"a":[1,null]}'),
    (Kind.UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Kind.TEXT, "Ærø", "Ærø"),
    (Kind.TEXT, 5, "5"),
]


@pytest.mark.parametrize(("kind", "cell", "expected"), CELLS, ids=repr)
def test_cell_of_a_kind(kind: Kind, cell: Any, expected: Any) -> None:
    rows = to_rows({"a": kind}, [(cell,), (None,)], 5)
    assert rows.table.to_dicts() == [{ROW: 5, "a": expected}, {ROW: 6, "a": None}]
    assert (rows.bad, rows.end) == ((), 6)


def test_kinds_give_types_also_where_nothing_has_a_value() -> None:
    kinds = {
        "i": Kind.INTEGER,
        "f": Kind.NUMBER,
        "s": Kind.SMALL_NUMBER,
        "b": Kind.BOOLEAN,
        "t": Kind.TIME,
        "x": Kind.JSON,
    }
    types = [pl.Int64, pl.Int64, pl.Float64, pl.Float32, pl.Boolean, pl.Int64, pl.String]
    assert to_rows(kinds, [(None,) * 6], 1).table.dtypes == types
    assert to_rows(kinds, [], 1).table.dtypes == types


def test_cell_that_is_none_of_its_kind_refuses_its_row_alone_and_is_not_shown() -> None:
    """SQLite takes a text into a column of integers."""
    rows = to_rows({"a": Kind.INTEGER, "b": Kind.BYTES}, [(1, b"\x01"), ("secret", b"\x02"), (3, None)], 10)
    assert rows.table.to_dict(as_series=False) == {ROW: [10, 12], "a": [1, 3], "b": ["01", None]}
    (bad,) = rows.bad
    assert (bad.number, bad.original) == (11, b'{"a":"secret","b":"02"}')
    assert bad.detail == "column 'a' is of kind integer and holds a str here"


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (Kind.INTEGER, float("inf")),
        (Kind.INTEGER, float("nan")),
        (Kind.INTEGER, Decimal("Infinity")),
        (Kind.NUMBER, 10**400),
        (Kind.BOOLEAN, Decimal("sNaN")),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_number_that_is_too_large_or_none_refuses_its_row_alone(kind: Kind, cell: Any) -> None:
    """SQLite makes an infinity of 9e999 in a column of integers."""
    rows = to_rows({"a": kind}, [(1,), (cell,)], 1)
    assert (rows.table.height, [row.number for row in rows.bad]) == (1, [2])
    assert f"is of kind {kind} and holds a {type(cell).__name__}" in rows.bad[0].detail
