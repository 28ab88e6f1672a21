"""Rows that are items: one each in the catalog, which a row that went takes out."""

import polars as pl
import pytest
from pydantic import TypeAdapter, ValidationError

from headrace.errors import ConfigurationError
from headrace.interactions.records import Item
from headrace.records import decode
from headrace.streams.batch import OutRecord
from ingest_sources.into import AnyInto, IntoItems
from ingest_sources.records import to_records
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW
from ingest_sources.rules.steps import Refused

ORIGIN = Origin("shop", "items.csv", 1_700_000_000_000_000)


def into_of(**changes: object) -> IntoItems:
    content = {"topic": "items.catalog", "item": "{sku}", "title": "{name}", "price": "price", **changes}
    into = TypeAdapter(AnyInto).validate_python(content)
    assert isinstance(into, IntoItems)
    return into


def rows(**columns: list[object]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    full: dict[str, list[object]] = {
        ROW: list(range(1, height + 1)),
        "sku": [f"s{number}" for number in range(height)],
        "name": ["Cup"] * height,
        "price": [9.5] * height,
    }
    return pl.DataFrame({**full, **columns}, strict=False)


def take(table: pl.DataFrame, into: IntoItems, op_column: str = "") -> tuple[list[OutRecord], list[Refused]]:
    return to_records(table, into, ORIGIN, op_column=op_column)


def item(table: pl.DataFrame, into: IntoItems) -> Item:
    records, refused = take(table, into)
    assert refused == []
    found = decode(records[0].value, records[0].headers)
    assert isinstance(found, Item)
    return found


def test_row_is_an_item_under_site_and_item() -> None:
    into = into_of(category="cups", tags=["{brand}", "{words}"], separator=",", available="sold", attributes=["grams"])
    table = rows(brand=["Acme"], words=["coffee, white"], sold=[False], grams=[120])
    records, refused = take(table, into)
    assert refused == []
    assert (records[0].topic, records[0].key) == ("items.catalog", b"default/s0")
    found = item(table, into)
    assert found == Item(
        "default",
        "s0",
        ORIGIN.received,
        "Cup",
        "cups",
        ("Acme", "coffee", "white"),
        9.5,
        available=False,
        attributes={"grams": 120.0},
    )


def test_tags_of_a_json_list_are_several() -> None:
    into = into_of(tags=["{words}"])
    assert item(rows(words=['["a b", "c"]']), into).tags == ("a b", "c")
    assert item(rows(words=["[not json"]), into).tags == ("[not json",)
    assert item(rows(words=[None]), into).tags == ()


def test_row_that_went_takes_its_item_out_with_its_key_alone() -> None:
    table = rows(name=["Cup", None], price=[9.5, None], __op=["update", "delete"])
    records, refused = take(table, into_of(), "__op")
    assert refused == []
    assert [(record.key, record.value is None) for record in records] == [(b"default/s0", False), (b"default/s1", True)]
    assert dict(records[1].headers)["source.op"] == b"delete"
    kept, _ = take(table.with_columns(price=1.0, name=pl.lit("x")), into_of())
    assert all(record.value is not None for record in kept)


def test_what_the_api_refuses_is_refused_with_its_column() -> None:
    table = rows(price=[-1.0, 2.0, 3.0], sku=["a", None, "x" * 300])
    records, refused = take(table, into_of())
    assert records == []
    assert "price, of price: -1.0 is out of range" in refused[0].detail
    assert "item '{sku}' or site 'default': a column of it is empty" in refused[1].detail
    assert "item, of sku: it has 300 characters" in refused[2].detail


def test_text_where_a_number_has_to_be_says_so() -> None:
    _, refused = take(rows(price=["9.50"]), into_of())
    assert "price, of price: '9.50' is no number" in refused[0].detail


def test_mistakes_in_the_file_are_told() -> None:
    with pytest.raises(ValidationError, match="names no column"):
        into_of(item="cup")
    with pytest.raises(ValidationError, match="brace"):
        into_of(tags=["{brand"])
    with pytest.raises(ConfigurationError, match="no column weight; there are sku, name, price"):
        take(rows(sku=["a"]), into_of(attributes=["weight"]))
