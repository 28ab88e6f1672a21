"""cast: a value keeps its meaning to the last digit, or its row is refused."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf, isfinite, nan
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError, Reason
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.rules.cleansing import cleanse, details, values

_ANY_FLOAT = st.floats(allow_nan=False, allow_infinity=False)


def _cast(kind: str, column: Sequence[Any] | pl.Series, options: str = "") -> tuple[list[Any], list[int]]:
    """The values that passed, and the numbers of the rows that were refused."""
    cleansed = cleanse(f"- cast: {{columns: {{a: {kind}}}{options}}}", a=column)
    return cleansed.table["a"].to_list(), [row.number for row in cleansed.bad]


def test_a_value_that_is_no_number_is_refused_with_the_value() -> None:
    cleansed = cleanse("- cast: {columns: {a: number}}", a=["1.5", "x", None])
    assert cleansed.table["a"].to_list() == [1.5, None]
    assert details(cleansed) == {2: "cast: a is 'x', not a number"}
    assert cleansed.bad[0].reason is Reason.REFUSED_BY_RULE


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e400", "", " 1", "1 ", "1,5", "1_000", "0x10"])
def test_what_json_has_no_number_for_is_refused(text: str) -> None:
    assert _cast("number", [text]) == ([], [1])


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_floats_that_are_no_numbers_are_refused(value: float) -> None:
    assert _cast("number", [value, 1.0]) == ([1.0], [1])


@given(_ANY_FLOAT)
def test_the_text_of_any_float_gives_that_float(number: float) -> None:
    assert _cast("number", [repr(number)]) == ([number], [])


@given(_ANY_FLOAT.filter(lambda number: "e" not in repr(number)))
def test_with_a_decimal_comma_too(number: float) -> None:
    assert _cast("number", [repr(number).replace(".", ",")], ", decimal_comma: true") == ([number], [])


def test_with_a_decimal_comma_a_point_is_no_guess() -> None:
    assert _cast("number", ["1,5", "12", "1.5", "1.234,5", "1,2,3"], ", decimal_comma: true") == (
        [1.5, 12.0],
        [3, 4, 5],
    )


def test_lenient_makes_null_of_what_it_cannot_read() -> None:
    assert _cast("number", ["1", "x", "nan", None], ", lenient: true") == ([1.0, None, None, None], [])


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_exact(number: int) -> None:
    assert _cast("integer", [str(number)]) == ([number], [])


def test_an_integer_beyond_floats_is_exact() -> None:
    assert values("- cast: {columns: {a: integer}}", a=["9007199254740993"]) == [9007199254740993]


@pytest.mark.parametrize("text", ["1.0", "1e3", "9223372036854775808", "one", ""])
def test_texts_that_are_no_integers_are_refused(text: str) -> None:
    assert _cast("integer", [text]) == ([], [1])


@given(st.lists(st.floats(), min_size=1))
def test_of_floats_only_whole_ones_become_integers(numbers: list[float]) -> None:
    whole = [number for number in numbers if isfinite(number) and number.is_integer() and -(2**63) <= number < 2**63]
    assert _cast("integer", numbers)[0] == [int(number) for number in whole]


def test_decimals_become_integers_where_they_are_whole() -> None:
    column = pl.Series([Decimal("2.00"), Decimal("2.50")])
    assert _cast("integer", column) == ([2], [2])


def test_booleans_are_read_as_people_write_them() -> None:
    words = ["true", "FALSE", "1", "0", "Yes", "no", "ON", "off", None, "y", "2", ""]
    expected = [True, False, True, False, True, False, True, False, None]
    assert _cast("boolean", words) == (expected, [10, 11, 12])


@pytest.mark.parametrize("zero", [0, 0.0])
def test_numbers_become_booleans_if_they_are_0_or_1(zero: float) -> None:
    assert _cast("boolean", [zero, zero + 1, zero + 2, None]) == ([False, True, None], [3])


def test_anything_becomes_text() -> None:
    assert _cast("text", [7, None])[0] == ["7", None]
    assert _cast("text", [True])[0] == ["true"]


def test_the_first_column_that_fails_explains_the_row() -> None:
    cleansed = cleanse("- cast: {columns: {b: integer, a: number}}", a=["x", "1", "x"], b=["y", "1", "1"])
    assert details(cleansed) == {1: "cast: b is 'y', not an integer", 3: "cast: a is 'x', not a number"}
    assert cleansed.table.height == 1


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "text"])
def test_a_column_of_nothing_but_null_takes_the_type(kind: str) -> None:
    cleansed = cleanse(f"- cast: {{columns: {{a: {kind}}}}}", a=[None, None])
    expected = {"number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String}
    assert cleansed.table.schema["a"] == expected[kind]
    assert cleansed.table.height == 2


def test_a_column_of_lists_is_a_mistake_of_the_source() -> None:
    with pytest.raises(ConfigurationError, match=r"1 cast: a is List\(Int64\)"):
        cleanse("- cast: {columns: {a: number}}", a=[[1]])


def test_others_are_all_columns_that_are_not_named() -> None:
    cleansed = cleanse("- cast: {columns: {a: text}, others: number}", a=["1", "x"], b=["1", "2.5"], c=["3", "no"])
    assert cleansed.table.drop(ROW).to_dicts() == [{"a": "1", "b": 1.0, "c": 3.0}]
    assert [row.number for row in cleansed.bad] == [2]
