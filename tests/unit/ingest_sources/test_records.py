"""Rows become records under their key, in their order, or dead letters that say what is missing."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import replay
from headrace.errors import ConfigurationError, Reason
from headrace.streams.transaction import MAX_RECORD_BYTES
from headrace.testing import FakeProducer
from ingest_sources.into import IntoOwnTopic, IntoReadings
from ingest_sources.records import dead_letters, to_records
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, BadRow
from ingest_sources.text_template import columns_of, filled

ORIGIN = Origin("air", "day.csv", 1_700_000_000_000_000)
READINGS = IntoReadings(topic="readings.raw", device="{station}", device_type="air")
OWN = IntoOwnTopic(topic="sources.orders", key="{order}/{line}")


def table(**columns: list[object]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    return pl.DataFrame({ROW: list(range(1, height + 1)), **columns}, strict=False)


def test_reading_is_a_message_of_its_device_with_its_time_and_metrics() -> None:
    records, bad = to_records(table(station=["a", "b"], time=[10, 20], co=[1.5, None], no=[2, 3]), READINGS, ORIGIN)
    assert bad == []
    assert [(record.topic, record.key) for record in records] == [
        ("readings.raw", b"default/a"),
        ("readings.raw", b"default/b"),
    ]
    assert json.loads(records[0].value or b"") == {"time": 10, "co": 1.5, "no": 2}
    headers = dict(records[1].headers)
    assert headers["format"] == b"json"
    assert headers["device_type"] == b"air"
    assert headers["received"] == b"1700000000000000"
    assert (headers["source"], headers["source.file"], headers["source.row"]) == (b"air", b"day.csv", b"2")


def test_named_metrics_are_the_only_ones() -> None:
    into = READINGS.model_copy(update={"metrics": ("no",), "site": "{city}"})
    records, _ = to_records(table(station=["a"], city=["oslo"], time=[1], co=[1.0], no=[2.0]), into, ORIGIN)
    assert records[0].key == b"oslo/a"
    assert json.loads(records[0].value or b"") == {"time": 1, "no": 2.0}


def test_row_that_went_says_so_where_the_source_has_such_rows() -> None:
    rows = table(order=[1, 2, 3], line=[1, 1, 1], __op=["insert", "delete", None])
    records, _ = to_records(rows, OWN, ORIGIN, version=3, op_column="__op")
    assert [dict(record.headers).get("source.op") for record in records] == [None, b"delete", None]
    assert {dict(record.headers)["schema"] for record in records} == {b"sources.orders.v3"}
    of_a_stranger, _ = to_records(rows, OWN, ORIGIN)
    assert all("source.op" not in dict(record.headers) for record in of_a_stranger)


def test_row_without_a_device_or_a_value_is_refused_and_says_so() -> None:
    rows = table(station=["a", None, "", "b"], time=[1, 2, 3, 4], co=[1.0, 2.0, 3.0, None])
    records, bad = to_records(rows, READINGS, ORIGIN)
    assert len(records) == 1
    assert [(row.number, row.reason) for row in sorted(bad, key=lambda row: row.number)] == [
        (2, Reason.REFUSED_BY_RULE),
        (3, Reason.REFUSED_BY_RULE),
        (4, Reason.NO_READINGS),
    ]
    assert "{station}" in bad[0].detail


def test_own_topic_gets_whole_rows_under_the_key_that_the_source_names() -> None:
    rows = table(order=[7, 7], line=["1", "2"], text=["x\ny", "ü"])
    records, bad = to_records(rows, OWN, ORIGIN)
    assert [record.key for record in records] == [b"7/1", b"7/2"]
    assert json.loads(records[0].value or b"") == {"order": 7, "line": "1", "text": "x\ny"}
    assert bad == []


def test_row_too_large_for_kafka_is_refused_alone() -> None:
    rows = table(order=[1, 2], line=["1", "1"], text=["x" * MAX_RECORD_BYTES, "y"])
    records, bad = to_records(rows, OWN, ORIGIN)
    assert [record.key for record in records] == [b"2/1"]
    assert bad[0].reason == Reason.TOO_LARGE


def test_column_that_is_missing_is_named_with_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match="no column line; there are order, text"):
        to_records(table(order=[1], text=["x"]), OWN, ORIGIN)
    with pytest.raises(ConfigurationError, match="no column station"):
        to_records(table(time=[1], co=[1.0]), READINGS, ORIGIN)


def test_part_without_a_row_that_can_be_read_has_no_columns_to_miss() -> None:
    assert to_records(pl.DataFrame(schema={ROW: pl.Int64}), OWN, ORIGIN) == ([], [])


def test_empty_part_gives_nothing() -> None:
    assert to_records(table(station=[], time=[], co=[]), READINGS, ORIGIN) == ([], [])


def test_dead_letter_says_where_the_row_was_and_keeps_it() -> None:
    (record,) = dead_letters([BadRow(7, Reason.MALFORMED_ROW, "3 cells, 2 expected", b"1,2,3")], ORIGIN)
    letter = DeadLetter.from_record(record.value, record.key, record.headers)
    assert (letter.source.topic, letter.source.offset) == ("sources/air/day.csv", 7)
    assert letter.detail == "row 7: 3 cells, 2 expected"
    assert (letter.value, letter.stage, letter.received) == (b"1,2,3", "ingest_sources", ORIGIN.received)
    assert "as a new file" in replay(FakeProducer(), letter)


texts = st.none() | st.text(max_size=5)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_template_gives_each_row_its_text_or_none(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(
        {"a": [a for a, _ in rows], "b": [b for _, b in rows]}, schema={"a": pl.String, "b": pl.String}
    )
    expected = [f"x-{a}/{b}" if a and b else None for a, b in rows]
    assert frame.select(filled("x-{a}/{b}")).to_series().to_list() == expected


@pytest.mark.parametrize("template", ["{a", "a}", "{}", "{a}}"])
def test_template_with_wrong_braces_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        columns_of(template)
