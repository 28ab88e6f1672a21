"""One real file in four dialects: rules bring three of them to the same table, and find what spoiled the fourth."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from headrace.errors import Reason
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import Cleansed, RuleSet
from ingest_sources.rules.models import read_rules

_RULES = """
- rename: {{{date}: date, Time: clock, CO(GT): co, PT08.S1(CO): tin_oxide, T: temperature, RH: humidity, AH: absolute}}
- cast:
    columns: {{co: number, tin_oxide: integer, temperature: number, humidity: number, absolute: number}}
    decimal_comma: {decimal_comma}
# After the cast, as one dialect has -200,0 too.
- missing: {{values: [-200]}}
- time: {{from: [date, clock], formats: ["{format}"], zone: UTC}}
- keep: [time, co, tin_oxide, temperature, humidity, absolute]
- require: [time]
- range: {{column: humidity, min: 0, max: 100}}
- range: {{column: absolute, min: 0, max: 2.3}}
- unique: [time]
"""
_ITALIAN = "%d/%m/%Y %H.%M.%S"


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "sensors" / "uci-air-quality"


def _cleanse(
    file: Path, format: str, date: str = "Date", separator: str = ",", decimal_comma: bool = False
) -> Cleansed:
    table = pl.read_csv(file, separator=separator, infer_schema=False).with_row_index(ROW, 1)
    text = _RULES.format(format=format, date=repr(date), decimal_comma=str(decimal_comma).lower())
    rules = RuleSet(read_rules(yaml.safe_load(text)))
    return rules.apply(Rows(table.with_columns(pl.col(ROW).cast(pl.Int64)), (), table.height))


def test_three_dialects_give_the_same_table(folder: Path) -> None:
    iso = _cleanse(folder / "bom-iso-date.csv", "%Y-%m-%d %H:%M:%S")
    semicolon = _cleanse(folder / "semicolon-decimal-comma.csv", _ITALIAN, " ", ";", True)
    comma = _cleanse(folder / "comma-dot.csv", _ITALIAN)
    assert iso.bad == semicolon.bad == ()
    assert iso.table.height == 9_357
    assert iso.table.equals(semicolon.table)
    # Whoever saved this dialect slipped in one cell of 140,355.
    (slip,) = comma.bad
    assert slip.reason is Reason.INVALID_TIME
    assert "clock is '09.00.00.-200'" in slip.detail
    assert comma.table.equals(iso.table.filter(pl.col(ROW) != slip.number))


def test_the_fourths_spoiled_column_is_found(folder: Path) -> None:
    """A spreadsheet took 0.7578 for 7,578 in one column. A range finds those that are no humidity of air."""
    good = _cleanse(folder / "bom-iso-date.csv", "%Y-%m-%d %H:%M:%S").table
    spoiled = _cleanse(folder / "quoted-decimal-comma.csv", _ITALIAN, decimal_comma=True)
    present = good.filter(pl.col("absolute").is_not_null())
    beyond = present.filter(pl.col("absolute") * 10 > 2.3)[ROW].to_list()
    assert [row.number for row in spoiled.bad] == beyond
    assert len(beyond) > 0.99 * present.height
    assert spoiled.counts == {"8 range": len(beyond)}
    assert spoiled.bad[0].detail == "range: absolute is 7.578, above 2.3"
    # The other columns of this dialect are whole.
    rest = pl.exclude("absolute")
    assert spoiled.table.select(rest).equals(good.filter(~pl.col(ROW).is_in(beyond)).select(rest))


def test_a_dialect_with_the_wrong_rules_passes_nothing_that_is_wrong(folder: Path) -> None:
    comma_as_point = _cleanse(folder / "semicolon-decimal-comma.csv", _ITALIAN, " ", ";", False)
    good = _cleanse(folder / "bom-iso-date.csv", "%Y-%m-%d %H:%M:%S").table
    assert len(comma_as_point.bad) > 8_000
    assert comma_as_point.table.equals(good.filter(pl.col(ROW).is_in(comma_as_point.table[ROW].implode())))
    assert _cleanse(folder / "comma-dot.csv", "%Y-%m-%d %H:%M:%S").table.is_empty()
