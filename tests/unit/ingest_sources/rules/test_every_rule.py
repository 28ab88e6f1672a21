"""Every rule where columns have no values, and so no type, as free-form sources and short parts have them."""

import functools
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import Cleansed, RuleSet
from ingest_sources.rules.models import _OF_KINDS, read_rules
from ingest_sources.rules.pseudonyms import Key
from tests.unit.ingest_sources.rules.cleansing import Tables

RULES = {
    "rename": "{a: x, b: a}",
    "keep": "[b, a]",
    "drop": "[a, b]",
    "trim": "all",
    "trim some": "[a, b]",
    "case": "{columns: [a, b], to: upper}",
    "missing": "{values: ['', NA, -200, 1.5]}",
    "cast": "{columns: {a: number, b: integer}, others: boolean}",
    "cast text": "{columns: {a: text}, others: number, decimal_comma: true, lenient: true}",
    "time": "{from: a, formats: [iso, epoch, '%d/%m/%Y %H:%M'], zone: Europe/Rome}",
    "time of two": "{from: [a, b], formats: ['%d/%m/%Y %H:%M', iso], zone: America/New_York, into: a}",
    "unit": "{column: a, multiply: 0.5, add: 3}",
    "require": "[a, b]",
    "allow": "{column: a, values: [x, y]}",
    "allow numbers": "{column: a, values: [1, 2.5]}",
    "allow booleans": "{column: a, values: [true]}",
    "range": "{column: a, min: 0, max: 5}",
    "match": "{column: a, regex: '^x'}",
    "check": "{where: a <= b, because: a is above b}",
    "check a text": "{where: \"upper(a) LIKE 'X%' AND b > 1\", because: no x}",
    "check a list": "{where: \"a IN ('x', 'y') OR b BETWEEN 1 AND 2\", because: none of them}",
    "derive": "{x: a * b, y: abs(x) + 1, a: \"'constant'\"}",
    "derive texts": '{x: "upper(a) || substr(b, 1, 2)", y: length(x)}',
    "derive times": "{x: \"date_part('year', a)\", y: NOT b}",
    "fill": "{a: NO, b: 1.5, c: true}",
    "unique": "[a, b]",
    "unique within": "{columns: [a, b], within: 5}",
    "lookup": "{in: {file: regions.csv}, on: {a: id}, take: {name: x, size: y}}",
    "lookup and keep": "{in: {file: regions.csv}, on: {a: id, b: name}, take: {size: c}, missing: keep}",
    "custom": "{function: m.same, columns: [a]}",
    "pseudonymise": "{columns: [a, b], key: k}",
    "filter": "a <> 'test'",
    "filter numbers": "round(a, 1) > 0",
}
MAY_REFUSE_NULL = ("require",)
MAY_DROP_NULL = ("filter",)
DTYPES: Sequence[Any] = (
    *(pl.Null, pl.String, pl.Int64, pl.Int8, pl.UInt64, pl.Float64, pl.Float32, pl.Boolean, pl.Date),
    *(pl.Datetime("us"), pl.Datetime("ns", "UTC"), pl.Binary, pl.List(pl.String), pl.Decimal(10, 2)),
)
REGIONS = pl.DataFrame({"id": ["1", "2"], "name": ["North", "South"], "size": [1.5, None]})


@functools.cache
def rule_set(name: str, is_free_form: bool) -> RuleSet:
    rules = read_rules([{name.split()[0]: yaml.safe_load(RULES[name])}])
    means = (Tables({"regions.csv": REGIONS}), {"m.same": lambda table: table})
    return RuleSet(rules, {"k": (Key("v1", b"0" * 32),)}, (), is_free_form, *means)


def applied(name: str, columns: dict[str, pl.Series], is_free_form: bool = False) -> Cleansed:
    height = max(map(len, columns.values()), default=0)
    table = pl.DataFrame({ROW: pl.Series(range(1, height + 1), dtype=pl.Int64), **columns})
    return rule_set(name, is_free_form).apply(Rows(table, (), height))


def test_each_kind_of_rule_is_among_them() -> None:
    assert {name.split()[0] for name in RULES} == {kind.model_fields["rule"].default for kind in _OF_KINDS}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("height", [0, 1, 3])
def test_columns_without_any_value_pass(name: str, height: int) -> None:
    cleansed = applied(name, {each: pl.Series([None] * height, dtype=pl.Null) for each in "abc"})
    lost = height if name.split()[0] in (*MAY_REFUSE_NULL, *MAY_DROP_NULL) else 0
    assert cleansed.table.height == height - lost
    assert len(cleansed.bad) == (height if name in MAY_REFUSE_NULL else 0)


@pytest.mark.parametrize("name", RULES)
def test_rows_of_a_free_form_source_need_not_have_the_columns(name: str) -> None:
    cleansed = applied(name, {"other": pl.Series([1, 0])}, is_free_form=True)
    lost = 2 if name.split()[0] in (*MAY_REFUSE_NULL, *MAY_DROP_NULL) else 0
    assert cleansed.table.height == 2 - lost


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=40)
@given(st.tuples(*[st.sampled_from(DTYPES)] * 3), st.integers(0, 3))
def test_a_type_that_does_not_fit_is_told_and_costs_no_row(name: str, dtypes: tuple[Any, ...], height: int) -> None:
    """Without values, nothing can be refused but what is missing: whatever type the columns have."""
    columns = {each: pl.Series([None] * height, dtype=dtype) for each, dtype in zip("abc", dtypes, strict=True)}
    try:
        cleansed = applied(name, columns)
    except ConfigurationError as error:
        assert str(error).startswith(f"rule 1 {name.split()[0]}: ")
        return
    lost = height if name.split()[0] in (*MAY_REFUSE_NULL, *MAY_DROP_NULL) else 0
    assert cleansed.table.height == height - lost
    assert cleansed.table[ROW].dtype == pl.Int64
