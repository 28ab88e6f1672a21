"""check, derive, filter: SQL expressions over the columns of one row."""

import pytest

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.rules.cleansing import cleanse, details


def test_check_refuses_what_is_false_and_says_why() -> None:
    cleansed = cleanse("- check: {where: low <= high, because: low is above high}", low=[1, 3, None], high=[2, 2, 2])
    assert cleansed.table[ROW].to_list() == [1, 3]
    assert details(cleansed) == {2: "check: low is above high (low is 3, high is 2)"}


def test_names_with_other_signs_are_quoted() -> None:
    rule = """- check: {where: '"CO(GT)" > 0', because: no CO}"""
    assert list(details(cleanse(rule, **{"CO(GT)": [1, -1]}))) == [2]


def test_check_needs_a_boolean() -> None:
    with pytest.raises(ConfigurationError, match="1 check: 'a \\+ 1' gives Int64, not a boolean"):
        cleanse("- check: {where: a + 1, because: x}", a=[1])


def test_a_comparison_of_text_with_a_number_is_a_mistake_of_the_source() -> None:
    with pytest.raises(ConfigurationError, match="1 check: cannot compare string with numeric"):
        cleanse("- check: {where: a > 1, because: x}", a=["2"])


def test_derive_computes_one_after_the_other() -> None:
    table = cleanse("- derive: {total: price * quantity, more: total + 1}", price=[1.5, None], quantity=[2, 2]).table
    assert table["total"].to_list() == [3.0, None]
    assert table["more"].to_list() == [4.0, None]


def test_derive_can_replace_a_column_and_give_a_constant() -> None:
    table = cleanse("""- derive: {a: upper(a), b: "'x'"}""", a=["x", "y"]).table
    assert list(table.select("a", "b").iter_rows()) == [("X", "x"), ("Y", "x")]


def test_derive_refuses_a_result_that_is_no_number() -> None:
    cleansed = cleanse("- derive: {each: a / b}", a=[1, 1, 0, None], b=[2, 0, 0, 0])
    assert cleansed.table["each"].to_list() == [0.5, None]
    assert details(cleansed) == {2: "derive: each is inf (a is 1, b is 0)", 3: "derive: each is nan (a is 0, b is 0)"}


def test_filter_drops_and_counts_without_dead_letters() -> None:
    cleansed = cleanse("- filter: status <> 'test'", status=["ok", "test", None])
    assert cleansed.table["status"].to_list() == ["ok"]
    assert cleansed.bad == ()
    assert cleansed.counts == {"1 filter": 2}


def test_a_constant_filter_is_of_all_rows() -> None:
    assert cleanse("- filter: 'true'", a=[1, 2]).table.height == 2
    assert cleanse("- filter: 'false'", a=[1, 2]).table.height == 0
