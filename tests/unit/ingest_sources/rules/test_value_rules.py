"""unit, require, allow, range, match, unique: which values pass, and what is said of the others."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.rules.cleansing import cleanse, details, values


def test_unit_multiplies_then_adds() -> None:
    assert values("- unit: {column: a, multiply: 0.5, add: -16}", a=[212, None]) == [90.0, None]


def test_unit_refuses_what_becomes_infinite() -> None:
    cleansed = cleanse("- unit: {column: a, multiply: 1.0e+10}", a=[1.0, 1e300])
    assert cleansed.table["a"].to_list() == [1e10]
    assert details(cleansed) == {2: "unit: a is 1e+300, no finite number in the new unit"}


def test_require_names_the_first_column_that_is_missing() -> None:
    cleansed = cleanse("- require: [a, b]", a=[1, None, None, 1], b=[1, 1, None, None])
    assert cleansed.table[ROW].to_list() == [1]
    assert details(cleansed) == {2: "require: a is missing", 3: "require: a is missing", 4: "require: b is missing"}


def test_allow_of_texts() -> None:
    cleansed = cleanse("- allow: {column: a, values: [ok, 1]}", a=["ok", "1", "OK", None])
    assert cleansed.table["a"].to_list() == ["ok", "1", None]
    assert details(cleansed) == {3: "allow: a is 'OK', not one of 'ok', 1"}


def test_allow_of_numbers_and_booleans() -> None:
    assert values("- allow: {column: a, values: [1, 2.0]}", a=[1, 2, 3]) == [1, 2]
    assert values("- allow: {column: a, values: [1, 2]}", a=[1.0, 2.5]) == [1.0]
    assert values("- allow: {column: a, values: [9007199254740993]}", a=[9007199254740992]) == []
    assert values("- allow: {column: a, values: [true]}", a=[True, False]) == [True]


@pytest.mark.parametrize(("allowed", "said"), [("[yes, 'no']", "put it in quotes"), ("[1]", None)])
def test_allow_says_when_yaml_made_a_boolean_of_a_word(allowed: str, said: str | None) -> None:
    rule = f"- allow: {{column: a, values: {allowed}}}"
    if said is None:
        assert values(rule, a=["1"]) == ["1"]
    else:
        with pytest.raises(ConfigurationError, match=said):
            cleanse(rule, a=["yes"])


def test_allow_of_another_type_is_a_mistake_of_the_source() -> None:
    with pytest.raises(ConfigurationError, match="a is Int64, but a value is 'ok'"):
        cleanse("- allow: {column: a, values: [ok]}", a=[1])


def test_range_says_which_limit_is_broken() -> None:
    cleansed = cleanse("- range: {column: a, min: -50, max: 60}", a=[-50.0, 60.0, 99.5, -50.5, nan, None, inf])
    assert cleansed.table["a"].to_list() == [-50.0, 60.0, None]
    assert details(cleansed) == {
        3: "range: a is 99.5, above 60",
        4: "range: a is -50.5, below -50",
        5: "range: a is NaN, no number",
        7: "range: a is inf, above 60",
    }


@given(st.lists(st.floats() | st.none(), min_size=1), st.floats(allow_nan=False, allow_infinity=False))
def test_range_with_one_limit(numbers: list[float | None], limit: float) -> None:
    above = [number for number in numbers if number is None or number >= limit]
    below = [number for number in numbers if number is None or number <= limit]
    assert values(f"- range: {{column: a, min: {limit!r}}}", a=[*numbers, None]) == [*above, None]
    assert values(f"- range: {{column: a, max: {limit!r}}}", a=[*numbers, None]) == [*below, None]


@pytest.mark.parametrize("limit", ["min", "max"])
def test_nan_is_in_no_range(limit: str) -> None:
    assert values(f"- range: {{column: a, {limit}: 1}}", a=[nan, 1.0]) == [1.0]


def test_range_of_integers_takes_limits_beyond_them() -> None:
    assert values(f"- range: {{column: a, min: {-(10**30)}, max: {10**30}}}", a=[2**63 - 1]) == [2**63 - 1]


def test_range_of_texts_asks_for_a_cast() -> None:
    with pytest.raises(ConfigurationError, match="1 range: a is String, not a number; put a `cast`"):
        cleanse("- range: {column: a, min: 1}", a=["1"])


def test_match_looks_anywhere_unless_bound_to_the_ends() -> None:
    assert values("- match: {column: a, regex: '[A-Z]{3}'}", a=["ABCD", "AB", None]) == ["ABCD", None]
    cleansed = cleanse("- match: {column: a, regex: '^[A-Z]{3}$'}", a=["ABCD", "ABC"])
    assert cleansed.table["a"].to_list() == ["ABC"]
    assert details(cleansed) == {1: "match: a is 'ABCD', which ^[A-Z]{3}$ doesn't fit"}


def test_match_of_numbers_asks_for_a_cast() -> None:
    with pytest.raises(ConfigurationError, match="1 match: a is Int64, not text"):
        cleanse("- match: {column: a, regex: x}", a=[1])


def test_a_long_value_is_cut_in_the_detail_but_not_in_the_original() -> None:
    (bad,) = cleanse("- match: {column: a, regex: '^x'}", a=["y" * 10_000]).bad
    assert len(bad.detail) < 150
    assert b"y" * 10_000 in bad.original


def test_unique_refuses_the_second_and_names_the_first() -> None:
    cleansed = cleanse("- unique: [a, b]", a=["o1", "o1", "o2", "o1"], b=[1, 2, 1, 1])
    assert cleansed.table[ROW].to_list() == [1, 2, 3]
    assert details(cleansed) == {4: "unique: a is 'o1', b is 1, as in row 1"}


def test_unique_passes_rows_without_a_whole_key() -> None:
    assert cleanse("- unique: [a, b]", a=[None, None, 1, 1], b=[1, 1, None, None]).bad == ()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_unique_leaves_each_key_once(keys: list[tuple[int, int]]) -> None:
    table = cleanse("- unique: [a, b]", a=[1, *(a for a, _ in keys)], b=[1, *(b for _, b in keys)]).table
    assert list(table.select("a", "b").iter_rows()) == list(dict.fromkeys([(1, 1), *keys]))
