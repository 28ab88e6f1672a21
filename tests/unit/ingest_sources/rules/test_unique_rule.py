"""unique within the last keys: the same rows pass, however they are cut into parts and whatever types these have."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.rules.cleansing import details, rows, rule_set

RULE = "- unique: {columns: [a, b], within: 3}"


def passed(rule: str, *parts: list[tuple[Any, Any]]) -> list[int]:
    """Numbers of the rows that pass, counted through all parts."""
    rules, found, end = rule_set(rule), [], 0
    for part in parts:
        if part:
            numbers = range(end + 1, end + len(part) + 1)
            table = {ROW: list(numbers), "a": [a for a, _ in part], "b": [b for _, b in part]}
            found += rules.apply(rows(table)).table[ROW].to_list()
        end += len(part)
    return found


def test_it_knows_the_rows_of_parts_before() -> None:
    assert passed(RULE, [("x", 1), ("y", 1), ("x", 1)], [("x", 1), ("x", 2), ("y", 1)]) == [1, 2, 5]


def test_it_knows_no_more_than_it_says() -> None:
    keys = [(name, 1) for name in "xyzwx"]
    assert passed(RULE, keys) == passed(RULE, keys[:2], keys[2:]) == [1, 2, 3, 4, 5]
    assert passed("- unique: {columns: [a, b], within: 4}", keys) == [1, 2, 3, 4]


def test_without_a_window_each_part_is_alone() -> None:
    for rule in ("- unique: [a, b]", "- unique: {columns: [a, b]}"):
        assert passed(rule, [("x", 1), ("x", 1)], [("x", 1)]) == [1, 3]


def test_a_row_without_a_whole_key_passes_and_is_not_known() -> None:
    assert passed(RULE, [("x", None), ("x", None), (None, 1)], [("x", None)]) == [1, 2, 3, 4]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from([1.0, 2.0, 7.0, 7.5, None]))), st.integers(1, 9))
def test_where_parts_are_cut_changes_nothing(keys: list[tuple[str, float | None]], size: int) -> None:
    parts = [keys[at : at + size] for at in range(0, len(keys), size)]
    assert passed(RULE, *map(typed, parts)) == passed(RULE, keys)


def typed(part: list[tuple[str, float | None]]) -> list[tuple[str, Any]]:
    """A part without a fraction has integers, as those of JSON have."""
    if any(number == 7.5 for _, number in part):
        return part
    return [(name, None if number is None else int(number)) for name, number in part]


def test_keys_of_several_columns_do_not_run_into_each_other() -> None:
    assert passed(RULE, [("x:1", "y"), ("x", "1:y"), ("x1", "y"), ("x", "1y")]) == [1, 2, 3, 4]


def test_it_says_which_row_repeats() -> None:
    rules = rule_set(RULE)
    rules.apply(rows({"a": ["x"], "b": [date(2024, 1, 2)]}))
    cleansed = rules.apply(rows({"a": ["y", "x"], "b": [date(2024, 1, 2)] * 2}))
    assert details(cleansed) == {2: "unique: a is 'x', b is 2024-01-02, as in one of the last 3 before it"}


def test_lists_are_no_keys() -> None:
    with pytest.raises(ConfigurationError, match="by which rows can't be told apart"):
        rule_set("- unique: {columns: a, within: 3}").apply(rows({"a": pl.Series([[1]])}))


def test_personal_values_are_not_kept() -> None:
    with pytest.raises(ConfigurationError, match=r"rule 1 unique: .* a is personal; `pseudonymise` it before"):
        rule_set(RULE, personal=["a"])


def test_a_window_has_a_name_as_long_as_its_rule_is_the_same() -> None:
    one = rule_set(RULE).windows.keys()
    assert rule_set(f"- trim: all\n{RULE}").windows.keys() == one
    assert rule_set(f"{RULE}\n{RULE}").windows.keys() > one
    assert not rule_set("- unique: {columns: [a, b], within: 4}").windows.keys() & one
    assert rule_set("- unique: [a]").windows == {}
