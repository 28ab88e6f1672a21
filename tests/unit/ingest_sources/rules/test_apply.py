"""A whole set of rules: order, who has a refused row, what a dead letter holds, and what is counted."""

import json
from datetime import UTC, datetime
from math import nan

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError, Reason
from ingest_sources.rows import ROW, BadRow, Rows
from ingest_sources.rules.pseudonyms import Key
from tests.unit.ingest_sources.rules.cleansing import cleanse, details, rows, rule_set

_EVERY_KIND = """
- rename: {t: Time}
- trim: all
- case: {columns: [code], to: upper}
- missing: {values: [NA]}
- cast: {columns: {number: number, count: integer, "on": boolean, code: text}}
- time: {from: [Time], formats: [iso, epoch], into: time}
- unit: {column: number, multiply: 2}
- require: [code]
- allow: {column: code, values: [A, B]}
- range: {column: number, min: 0, max: 10}
- match: {column: code, regex: "^[A-Z]$"}
- check: {where: number <= count, because: too few}
- derive: {total: number * count}
- fill: {count: 0}
- unique: [code, time]
- pseudonymise: {columns: [code], key: k}
- filter: total >= 0
- drop: [Time]
- keep: [code, time, total]
"""
_KEYS = {"k": (Key("v1", b"0" * 32),)}


def test_the_first_rule_that_refuses_a_row_has_it() -> None:
    cleansed = cleanse(
        "- range: {column: a, max: 5}\n- require: [b]\n- range: {column: a, max: 3}", a=[9, 4, 1], b=[None, "x", None]
    )
    assert cleansed.table.is_empty()
    assert {row.number: row.detail.split(":")[0] for row in cleansed.bad} == {1: "range", 2: "range", 3: "require"}
    assert cleansed.counts == {"1 range": 1, "2 require": 1, "3 range": 1}


def test_rules_see_what_those_before_them_made() -> None:
    rules = "- missing: {values: ['-200']}\n- cast: {columns: {a: number}}\n- unit: {column: a, add: 1}"
    cleansed = cleanse(f"{rules}\n- range: {{column: a, min: 2}}", a=["-200", "1", "0"])
    assert cleansed.table["a"].to_list() == [None, 2.0]
    assert details(cleansed) == {3: "range: a is 1.0, below 2"}


def test_the_original_is_the_row_as_it_came() -> None:
    rules = "- rename: {a: b}\n- trim: all\n- cast: {columns: {b: number}}"
    (bad,) = cleanse(rules, a=[" 1", " Zoë "], x=["", None]).bad
    assert bad == BadRow(2, Reason.REFUSED_BY_RULE, "cast: b is 'Zoë', not a number", '{"a":" Zoë ","x":null}'.encode())


def test_the_original_of_typed_cells_is_json() -> None:
    (bad,) = cleanse(
        "- require: [none]",
        none=[None],
        number=[nan],
        nested=[{"list": [1.5, nan], "when": datetime(2024, 1, 2, tzinfo=UTC)}],
        raw=[b"\x00\xff"],
    ).bad
    assert json.loads(bad.original) == {
        "none": None,
        "number": "nan",
        "nested": {"list": [1.5, "nan"], "when": "2024-01-02 00:00:00+00:00"},
        "raw": "00ff",
    }


def test_rows_that_could_not_be_read_stay_between_those_that_were_refused() -> None:
    unreadable = (BadRow(2, Reason.MALFORMED_ROW, "3 cells", b"a,b,c"), BadRow(9, Reason.MALFORMED_ROW, "no", b""))
    given_rows = rows({ROW: [1, 4, 7], "a": [9, 1, 9]}, unreadable)
    cleansed = rule_set("- range: {column: a, max: 5}").apply(given_rows)
    assert [row.number for row in cleansed.bad] == [1, 2, 7, 9]
    assert cleansed.table[ROW].to_list() == [4]
    # What the connector found isn't the rules' to count.
    assert cleansed.counts == {"1 range": 2}


def test_without_rules_nothing_changes() -> None:
    given_rows = rows({"a": [1, 2]})
    cleansed = rule_set("[]").apply(given_rows)
    assert cleansed.table.equals(given_rows.table)
    assert (cleansed.bad, cleansed.counts) == ((), {})


def test_a_column_that_is_not_there_is_a_mistake_of_the_source() -> None:
    with pytest.raises(ConfigurationError, match="rule 2 range: no column 'temp'; here the table has 'a', 'b c'"):
        cleanse("- trim: all\n- range: {column: temp, min: 1}", a=[1], **{"b c": [2]})


def test_a_column_that_a_rule_dropped_is_not_there_any_more() -> None:
    with pytest.raises(ConfigurationError, match="rule 2 check: no column 'b'"):
        cleanse("- keep: [a]\n- check: {where: a < b, because: x}", a=[1], b=[2])


def test_every_kind_of_rule_in_a_row() -> None:
    cleansed = cleanse(
        _EVERY_KIND,
        _KEYS,
        t=["2024-01-02", "1704153600", None, "NA"],
        code=[" a", "a", "b", "c"],
        number=["1", "1.5", "2", "x"],
        count=["2", "3", "4", "5"],
        on=["yes", "no", None, "on"],
    )
    assert cleansed.table.columns == [ROW, "code", "time", "total"]
    assert cleansed.table["total"].to_list() == [4.0, 16.0]
    assert cleansed.counts == {"5 cast": 1, "15 unique": 1}


@pytest.mark.parametrize("height", [0, 3])
def test_no_rows_or_nothing_but_null_pass_all_rules(height: int) -> None:
    names = ["t", "code", "number", "count", "on"]
    for dtype in (pl.String, pl.Null):
        table = pl.DataFrame({name: pl.Series([None] * height, dtype=dtype) for name in names})
        given_rows = Rows(table.with_row_index(ROW, 1).with_columns(pl.col(ROW).cast(pl.Int64)), (), height)
        cleansed = rule_set(_EVERY_KIND, _KEYS).apply(given_rows)
        assert cleansed.table.is_empty()
        assert cleansed.table.columns == [ROW, "code", "time", "total"]
        assert cleansed.table.dtypes == [pl.Int64, pl.String, pl.Int64, pl.Float64]
        assert cleansed.counts == ({"8 require": height} if height else {})


def test_a_part_in_which_no_row_could_be_read_passes() -> None:
    bad = (BadRow(1, Reason.MALFORMED_ROW, "no", b"x"),)
    nothing = Rows(pl.DataFrame(schema={ROW: pl.Int64}), bad, 1)
    assert [row.number for row in rule_set(_EVERY_KIND, _KEYS).apply(nothing).bad] == [1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "-5", "99", "x", " 7", "", None]), st.sampled_from(["ok", "test", "no", None]))
    )
)
def test_every_row_is_passed_refused_or_dropped_once(cells: list[tuple[str | None, str | None]]) -> None:
    rules = """
- cast: {columns: {a: number}}
- allow: {column: b, values: [ok, test]}
- range: {column: a, min: 0, max: 50}
- filter: b <> 'test'
- unique: [a]
"""
    column = {
        "a": pl.Series([a for a, _ in cells], dtype=pl.String),
        "b": pl.Series([b for _, b in cells], dtype=pl.String),
    }
    cleansed = cleanse(rules, **column)
    passed, refused = cleansed.table[ROW].to_list(), [row.number for row in cleansed.bad]
    dropped = cleansed.counts.get("4 filter", 0)
    assert passed == sorted(passed)
    assert refused == sorted(set(refused))
    assert not set(passed) & set(refused)
    assert len(passed) + len(refused) + dropped == len(cells)
    assert sum(cleansed.counts.values()) == len(refused) + dropped
