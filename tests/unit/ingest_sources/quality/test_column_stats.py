"""Statistics of columns: the same however a table is cut, right against polars, and nothing of personal columns."""

import datetime
import json
import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_sources.quality.column_stats import MAX_COLUMNS, MAX_DISTINCT, TableStats, table_stats
from ingest_sources.rows import ROW
from ingest_sources.rules.personal import IsHidden

OPEN = IsHidden(())
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**53), 2**53),
        st.none() | st.floats(-1e9, 1e9),
        st.none() | st.text(max_size=5),
        st.none() | st.booleans(),
    ),
    max_size=60,
)
SCHEMA = {"integer": pl.Int64, "number": pl.Float64, "text": pl.String, "truth": pl.Boolean}


def stats(*parts: pl.DataFrame, is_hidden: IsHidden = OPEN) -> TableStats:
    found = TableStats()
    for part in parts:
        found = found.merged(table_stats(part, is_hidden))
    return found


def numbers_of(found: TableStats, name: str = "a") -> Any:
    return found.columns[name].numbers


@given(ROWS, st.lists(st.integers(0, 60), max_size=5))
def test_any_cut_into_parts_gives_the_same(rows: list[tuple[Any, ...]], cuts: list[int]) -> None:
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    places = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    whole, cut = stats(table), stats(*(table[first:last] for first, last in pairwise(places)))
    assert cut.rows == whole.rows == len(rows)
    assert (cut.texts, cut.is_cut) == (whole.texts, whole.is_cut)
    for name, column in whole.columns.items():
        other = cut.columns[name]
        assert msgspec.structs.replace(other, numbers=None) == msgspec.structs.replace(column, numbers=None)
        if column.numbers is None or other.numbers is None:
            assert column.numbers == other.numbers
            continue
        size = max(abs(column.numbers.min), abs(column.numbers.max))
        assert (other.numbers.count, other.numbers.min, other.numbers.max) == (
            column.numbers.count,
            column.numbers.min,
            column.numbers.max,
        )
        assert other.numbers.mean == pytest.approx(column.numbers.mean, rel=1e-9, abs=1e-9 * size)
        assert other.numbers.spread == pytest.approx(column.numbers.spread, rel=1e-6, abs=1e-7 * size)


def test_numbers_texts_and_booleans_are_counted() -> None:
    table = pl.DataFrame(
        {ROW: [1, 2, 3, 4], "a": [1, 2, None, 6], "b": ["x", "xyz", "x", None], "c": [True, None, True, False]}
    )
    found = stats(table)
    assert list(found.columns) == ["a", "b", "c"]
    a = found.columns["a"].numbers
    assert a is not None
    assert (found.columns["a"].values, a.min, a.max, a.mean) == (3, 1, 6, 3)
    assert a.spread == pytest.approx(math.sqrt(14 / 3))
    b, c = found.columns["b"], found.columns["c"]
    assert (b.values, b.texts and (b.texts.shortest, b.texts.longest), b.distinct) == (3, (1, 3), 2)
    assert (c.values, c.trues) == (3, 2)


def test_a_mean_far_larger_than_the_spread_keeps_it() -> None:
    """Microseconds since 1970: the difference of two sums of squares would be nothing but rounding."""
    times = [1_700_000_000_000_000 + step for step in range(1_000)]
    found = stats(*(pl.DataFrame({"a": times[at : at + 100]}) for at in range(0, 1_000, 100)))
    assert numbers_of(found).spread == pytest.approx(288.675, rel=1e-3)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_a_value_and_no_more(odd: float) -> None:
    found = stats(pl.DataFrame({"a": [1.0, odd, 3.0]}), pl.DataFrame({"a": [odd]}))
    assert found.columns["a"].values == 4
    assert (numbers_of(found).count, numbers_of(found).mean, numbers_of(found).spread) == (2, 2, 1)


def test_the_largest_numbers_stay_what_json_can_hold() -> None:
    found = stats(pl.DataFrame({"a": [1.7e308, -1.7e308, 1.7e308]}), pl.DataFrame({"a": [-1.7e308]}))
    assert "null" not in json.dumps(msgspec.to_builtins(numbers_of(found)), allow_nan=False)


def test_many_different_texts_are_not_counted_and_none_is_kept() -> None:
    few = [pl.DataFrame({"a": [f"secret {n}" for n in range(first, first + 30)]}) for first in (0, 20, 40)]
    assert stats(*few[:2]).columns["a"].distinct == MAX_DISTINCT
    assert stats(*few).columns["a"].distinct is None
    assert stats(pl.DataFrame({"a": [str(n) for n in range(5_000)]})).columns["a"].distinct is None
    assert b"secret" not in msgspec.json.encode(stats(*few[:2]).columns)


def test_of_a_personal_column_only_values_are_counted_and_of_what_is_nested_in_it() -> None:
    table = pl.DataFrame({"age": [31, None], "home.town": ["x", "y"], "homes": [1, 2]})
    found = stats(table, is_hidden=IsHidden({"age", "home"}))
    assert msgspec.to_builtins(found.columns["age"]) == {"kind": "hidden", "values": 1}
    assert msgspec.to_builtins(found.columns["home.town"]) == {"kind": "hidden", "values": 2}
    assert found.columns["homes"].numbers is not None
    assert {column.kind for column in stats(table, is_hidden=IsHidden(None)).columns.values()} == {"hidden"}


def test_columns_are_bounded() -> None:
    found = stats(*(pl.DataFrame({f"c{first + n}": [1] for n in range(150)}) for first in (0, 100)))
    assert len(found.columns) == MAX_COLUMNS and found.is_cut
    assert stats(pl.DataFrame({"x" * 5_000: [1], "a": [1]})).columns.keys() == {"a"}
    assert not stats(pl.DataFrame({"a": [1]})).is_cut


def test_a_column_of_two_kinds_is_mixed_and_one_without_values_is_of_any() -> None:
    parts = [
        pl.DataFrame({"a": [1]}),
        pl.DataFrame({"a": [None]}),
        pl.DataFrame({"b": [1]}),
        pl.DataFrame({"a": ["x"]}),
    ]
    assert stats(*parts[:3]).columns["a"].kind == "number"
    assert (stats(*parts).columns["a"].kind, stats(*parts).columns["a"].values) == ("mixed", 2)


def test_names_that_mean_something_to_polars_are_names() -> None:
    found = stats(pl.DataFrame({"*": [1], "^.*$": ["x"], "a/min": [2], "": [True]}))
    assert [column.kind for column in found.columns.values()] == ["number", "text", "number", "boolean"]


@pytest.mark.parametrize(
    "values",
    [
        [datetime.datetime(2026, 1, 1), None],
        [datetime.date(2026, 1, 1)],
        [datetime.time(1)],
        [datetime.timedelta(1)],
        [Decimal("1.5"), Decimal("2.5")],
        [[1, 2], None],
        [{"x": 1}],
        [b"bytes"],
        [None],
        pl.Series(["x"], dtype=pl.Categorical),
        pl.Series([1, 2], dtype=pl.UInt64),
        pl.Series([1, 2], dtype=pl.Int128),
        pl.Series([1, 2], dtype=pl.Float32),
        pl.Series([object()], dtype=pl.Object),
        [],
    ],
    ids=lambda values: str(pl.Series("", values, strict=False).dtype),
)
def test_no_type_of_column_costs_a_row(values: Any) -> None:
    series = pl.Series("a", values)
    found = stats(pl.DataFrame([series]), pl.DataFrame([series]))
    assert found.columns["a"].values == 2 * (len(series) - series.null_count())
