"""lookup: each row once and in its place, with what the reference has for it; a bad reference is no row's mistake."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.apply import Cleansed, RuleSet
from ingest_sources.rules.steps import ReferenceWrong
from tests.unit.ingest_sources.rules.cleansing import Tables, details, rows, rule_set

REGIONS = pl.DataFrame(
    {"id": ["n", "s", None], "name": ["North", "South", "Nowhere"], "tz": ["Europe/Oslo", None, "UTC"]}
)
RULE = "- lookup: {in: {file: regions.csv}, on: {region: id}, take: {name: region_name, tz: zone}"


def looking_up(rule: str, reference: pl.DataFrame = REGIONS) -> RuleSet:
    return rule_set(rule, references=Tables({"regions.csv": reference}))


def looked_up(rule: str, reference: pl.DataFrame = REGIONS, /, **columns: Any) -> Cleansed:
    return looking_up(rule, reference).apply(rows(columns))


def on_id(reference: list[Any] | pl.Series, given: list[Any] | pl.Series) -> list[Any]:
    table = pl.DataFrame({"id": reference}).with_row_index("found")
    rule = "- lookup: {in: {file: regions.csv}, on: id, take: found, missing: null}"
    return looked_up(rule, table, id=given).table["found"].to_list()


def test_it_adds_what_the_reference_has_and_refuses_what_it_does_not() -> None:
    cleansed = looked_up(RULE + "}", region=["s", "x", "n", None, "s"], a=[1, 2, 3, 4, 5])
    assert cleansed.table.columns == [ROW, "region", "a", "region_name", "zone"]
    assert list(cleansed.table.drop("region").iter_rows()) == [
        (1, 1, "South", None),
        (3, 3, "North", "Europe/Oslo"),
        (4, 4, None, None),
        (5, 5, "South", None),
    ]
    assert details(cleansed) == {2: "lookup: region is 'x', which regions.csv doesn't have"}
    assert cleansed.counts == {"1 lookup": 1}


def test_missing_null_gives_null_and_replaces_what_was_there() -> None:
    table = looked_up(RULE + ", missing: null}", region=["n", "x"], zone=["Asia/Tokyo", "Asia/Tokyo"]).table
    assert list(table.select("zone", "region_name").iter_rows()) == [("Europe/Oslo", "North"), (None, None)]
    assert table.columns == [ROW, "region", "zone", "region_name"]


def test_missing_keep_leaves_what_was_there() -> None:
    table = looked_up(RULE + ", missing: keep}", region=["n", "s", "x", None], zone=["a", "b", "c", "d"]).table
    assert table["zone"].to_list() == ["Europe/Oslo", None, "c", "d"]
    assert table["region_name"].to_list() == ["North", "South", None, None]


def test_keep_of_another_type_is_a_mistake_of_the_source() -> None:
    with pytest.raises(ConfigurationError, match=r"zone is Int64, and regions.csv has String for it"):
        looked_up(RULE + ", missing: keep}", region=["n"], zone=[1])


def test_several_columns_join_together() -> None:
    reference = pl.DataFrame({"site": ["a", "a", "b"], "device": [1, 2, 1], "zone": ["x", "y", "z"]})
    rule = "- lookup: {in: {file: regions.csv}, on: [site, device], take: zone}"
    cleansed = looked_up(rule, reference, site=["b", "a", "b", None], device=["1", "2", "2", "9"])
    assert cleansed.table["zone"].to_list() == ["z", "y", None]
    assert details(cleansed) == {3: "lookup: site is 'b', device is '2', which regions.csv doesn't have"}


@given(st.lists(st.sampled_from([None, "n", "s", "x"])), st.permutations(["n", "s", "t"]))
def test_each_row_stays_once_and_in_its_place(given_ids: list[str | None], known: list[str]) -> None:
    reference = pl.DataFrame({"id": known, "name": [f"name of {each}" for each in known]})
    rule = "- lookup: {in: {file: regions.csv}, on: {region: id}, take: name, missing: null}"
    table = looked_up(rule, reference, region=pl.Series(given_ids, dtype=pl.String)).table
    expected = [f"name of {each}" if each in known else None for each in given_ids]
    assert table[ROW].to_list() == list(range(1, len(given_ids) + 1))
    assert table["name"].to_list() == expected


def test_integers_and_texts_are_joined_as_texts() -> None:
    assert on_id(["7", "007", "x"], [7, 8]) == [0, None]
    assert on_id([7, 8], ["8", "08"]) == [1, None]
    assert on_id(pl.Series([7], dtype=pl.UInt8), pl.Series([7], dtype=pl.Int64)) == [0]
    assert on_id([7.0, 8.0, None], [8]) == [1]


def test_other_types_are_joined_with_their_own_alone() -> None:
    assert on_id([date(2024, 1, 2)], [date(2024, 1, 2), None]) == [0, None]
    assert on_id([True, False], [False]) == [1]
    assert on_id([Decimal("1.50")], [Decimal("1.50")]) == [0]
    with pytest.raises(ConfigurationError, match=r"id is String, and id of regions.csv is Date; put a `cast` before"):
        on_id([date(2024, 1, 2)], ["2024-01-02"])
    with pytest.raises(ConfigurationError, match=r"id is Boolean, and id of regions.csv is text or integer"):
        on_id(["true"], [True])


def test_fractions_are_no_keys() -> None:
    with pytest.raises(ConfigurationError, match="id is Float64, by which nothing can be joined; put a `cast`"):
        on_id([7], [7.0])
    with pytest.raises(ReferenceWrong, match=r"regions.csv: id is Float64, by which nothing can be joined"):
        on_id([7.5], [7])


def test_an_empty_reference_has_nothing() -> None:
    assert on_id(pl.Series([], dtype=pl.String), [7, None]) == [None, None]
    assert on_id(pl.Series([], dtype=pl.Null), ["7"]) == [None]


def test_rows_of_the_reference_that_say_the_same_are_one() -> None:
    assert looked_up(RULE + "}", pl.concat([REGIONS, REGIONS]), region=["n"]).table["zone"].to_list() == ["Europe/Oslo"]


def test_a_key_with_two_meanings_is_told_before_the_first_row() -> None:
    doubled = pl.DataFrame({"id": ["n", "s", "n", "s"], "name": ["a", "b", "c", "d"], "tz": ["x"] * 4})
    with pytest.raises(ReferenceWrong) as caught:
        looking_up(RULE + "}", doubled).load_references()
    assert str(caught.value) == (
        "rule 1 lookup: regions.csv has rows that differ for one id: id is 'n'; id is 's'; leave one of them"
    )


def test_a_personal_key_with_two_meanings_is_not_shown() -> None:
    doubled = pl.DataFrame({"id": ["ann", "ann"], "name": ["a", "b"], "tz": ["x", "x"]})
    rules = rule_set(RULE + "}", None, ("region",), Tables({"regions.csv": doubled}))
    for failing in (rules.load_references, lambda: rules.apply(rows({"region": ["x"]}))):
        with pytest.raises(ReferenceWrong, match="differ for one id, 1 in all") as caught:
            failing()
        assert "ann" not in str(caught.value)


def test_a_personal_value_that_is_not_found_is_not_shown() -> None:
    rules = rule_set(RULE + "}", None, ("region",), Tables({"regions.csv": REGIONS}))
    (bad,) = rules.apply(rows({"region": ["ann"]})).bad
    assert "ann" not in bad.detail and b"ann" not in bad.original


def test_a_reference_without_the_columns_says_which_it_has() -> None:
    with pytest.raises(ReferenceWrong, match=r"regions.csv has no column 'id', 'tz'; it has 'ID', 'name'"):
        looking_up(RULE + "}", pl.DataFrame({"ID": ["n"], "name": ["North"]})).load_references()


def test_a_reference_that_changes_is_used_from_the_next_part_on() -> None:
    tables = Tables({"regions.csv": REGIONS})
    rules = rule_set(RULE + "}", references=tables)
    assert rules.apply(rows({"region": ["n"]})).table["region_name"].to_list() == ["North"]
    tables.tables["regions.csv"] = REGIONS.with_columns(pl.col("name").str.to_uppercase())
    assert rules.apply(rows({"region": ["n"]})).table["region_name"].to_list() == ["NORTH"]


def test_without_references_it_is_found_before_the_first_row() -> None:
    with pytest.raises(ConfigurationError, match=r"nothing here gives regions.csv"):
        rule_set(RULE + "}")
