"""The schema of an own topic grows with its rows and keeps what it promised."""

import polars as pl
import pytest

from headrace.errors import ConfigurationError
from headrace.records import RowSchema
from ingest_sources.row_schema import MAX_COLUMNS, grown, new_schema
from ingest_sources.rows import ROW

NOW = 5


def first() -> RowSchema:
    table = pl.DataFrame({ROW: [1], "id": [7], "name": ["a"], "paid": [True], "later": [None]})
    return grown(new_schema("orders", "sources.orders", "{id}"), table, NOW)


def test_columns_have_the_types_of_their_values() -> None:
    schema = first()
    assert schema.columns == {"id": "number", "name": "text", "paid": "boolean"}
    assert (schema.version, schema.key, schema.updated) == (1, "{id}", NOW)


def test_column_that_comes_later_is_a_new_version_and_what_is_known_is_none() -> None:
    schema = first()
    assert (
        grown(schema, pl.DataFrame({ROW: [2], "id": [1.5], "name": pl.Series([None], dtype=pl.Int64)}), NOW) is schema
    )
    later = grown(schema, pl.DataFrame({ROW: [3], "later": [0.5]}), NOW)
    assert (later.version, later.columns["later"]) == (2, "number")


def test_column_never_gets_another_type() -> None:
    with pytest.raises(ConfigurationError, match=r"column id is text here and number in sources\.orders so far"):
        grown(first(), pl.DataFrame({ROW: [2], "id": ["x"]}), NOW)


def test_columns_without_end_are_refused() -> None:
    wide = pl.DataFrame({f"c{number}": [1] for number in range(MAX_COLUMNS - 2)})
    with pytest.raises(ConfigurationError, match=f"would have {MAX_COLUMNS + 1} columns"):
        grown(first(), wide, NOW)
