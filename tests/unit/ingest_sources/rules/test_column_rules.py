"""rename, keep, drop, trim, case, missing, fill: what becomes of columns and texts; no row is refused."""

from datetime import date

import polars as pl
import pytest

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.rules.cleansing import cleanse, values


def test_rename_works_on_all_names_at_once() -> None:
    table = cleanse("- rename: {a: b, b: a}", a=[1], b=[2]).table
    assert table.to_dicts() == [{ROW: 1, "b": 1, "a": 2}]


def test_rename_does_not_hide_another_column() -> None:
    with pytest.raises(ConfigurationError, match="1 rename: b is in the table already"):
        cleanse("- rename: {a: b}", a=[1], b=[2])


def test_keep_gives_the_order_and_keeps_the_row_number() -> None:
    assert cleanse("- keep: [c, a]", a=[1], b=[2], c=[3]).table.columns == [ROW, "c", "a"]


def test_drop_leaves_the_others() -> None:
    assert cleanse("- drop: [b]", a=[1], b=[2], c=[3]).table.columns == [ROW, "a", "c"]


def test_trim_takes_white_space_off_the_ends_only() -> None:
    assert values("- trim: all", a=[" a  b\t", "\u00a0x", "", None]) == ["a  b", "x", "", None]


def test_trim_of_named_columns_leaves_the_others() -> None:
    table = cleanse("- trim: [a]", a=[" x"], b=[" y"]).table
    assert table.select("a", "b").row(0) == ("x", " y")


@pytest.mark.parametrize(("to", "expected"), [("upper", ["ÉA", None]), ("lower", ["éa", None])])
def test_case(to: str, expected: list[str | None]) -> None:
    assert values(f"- case: {{columns: [a], to: {to}}}", a=["Éa", None]) == expected


def test_missing_makes_texts_null_in_all_columns() -> None:
    table = cleanse('- missing: {values: [-200, "", NA]}', a=["-200", "", "x"], b=["NA", "-2000", "na"]).table
    assert table["a"].to_list() == [None, None, "x"]
    assert table["b"].to_list() == [None, "-2000", "na"]


def test_missing_makes_equal_numbers_null() -> None:
    rules = '- missing: {values: ["-200", NA, nan, 9007199254740993]}'
    table = cleanse(rules, a=[-200, 9007199254740992, 9007199254740993], b=[-200.0, float("nan"), 1.0]).table
    assert table["a"].to_list() == [None, 9007199254740992, None]
    assert table["b"].to_list() == [None, None, 1.0]


def test_missing_leaves_other_types_and_columns_that_are_not_named() -> None:
    table = cleanse('- missing: {values: ["1"], columns: [a, b, c]}', a=[True], b=[date(2024, 1, 1)], c=["1"], d=["1"])
    assert table.table.drop(ROW).row(0) == (True, date(2024, 1, 1), None, "1")


def test_fill_puts_a_constant_of_the_columns_type() -> None:
    rules = "- fill: {a: 0, b: 0, c: true, d: x}"
    table = cleanse(rules, a=[1.5, None], b=["x", None], c=[False, None], d=pl.Series([None, None])).table
    assert table.drop(ROW).row(1) == (0.0, "0", True, "x")
    assert table.schema["a"] == pl.Float64


@pytest.mark.parametrize("constant", ["0.5", "none"])
def test_fill_does_not_change_the_type_of_a_column(constant: str) -> None:
    with pytest.raises(ConfigurationError, match="doesn't fit a, which is Int64"):
        cleanse(f"- fill: {{a: {constant}}}", a=[1, None])
