"""Bodies to rows, by their content types."""

from typing import Any

import pytest

from headrace.errors import Reason
from headrace.pushed import BodyType, Push
from ingest_sources.prepare import Preparer
from ingest_sources.pushed.push_rows import MAX_ROWS, push_rows
from ingest_sources.pushed.push_source import PushSource
from ingest_sources.readers.models import CsvOptions
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, BadRow
from ingest_sources.rules.apply import RuleSet

JSON, NDJSON, CSV = BodyType.JSON, BodyType.NDJSON, BodyType.CSV
BOM = b"\xef\xbb\xbf"


def read(kind: BodyType, body: bytes, csv: CsvOptions | None = None) -> tuple[list[dict[str, Any]], list[BadRow]]:
    found = push_rows(Push("orders", "1", 0, kind, "k", body), csv or CsvOptions())
    good = [row for rows in found for row in rows.table.to_dicts()]
    return good, [row for rows in found for row in rows.bad]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b'[{"a": 1}, {"a": 2}]'),
        (JSON, BOM + b' \n[{"a": 1},\n{"a": 2}]\n'),
        (NDJSON, b'{"a": 1}\n{"a": 2}'),
        (NDJSON, BOM + b'{"a": 1}\r\n\r\n  \n{"a": 2}\n'),
    ],
)
def test_rows_are_numbered_by_their_place(kind: BodyType, body: bytes) -> None:
    assert read(kind, body) == ([{ROW: 1, "a": 1}, {ROW: 2, "a": 2}], [])


def test_object_is_one_row() -> None:
    assert read(JSON, b'{"a": {"b": 1}, "c": [1]}') == ([{ROW: 1, "a.b": 1, "c": "[1]"}], [])


def test_empty_array_has_no_rows() -> None:
    assert read(JSON, b"[]") == ([], [])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b'[{"a": 1}, 7, {"a": 2}, {"a": 3, "a": 4}]'),
        (NDJSON, b'{"a": 1}\n7\n{"a": 2}\n{"a": 3, "a": 4}\n'),
    ],
)
def test_row_that_is_no_object_costs_itself_alone(kind: BodyType, body: bytes) -> None:
    good, bad = read(kind, body)
    assert good == [{ROW: 1, "a": 1}, {ROW: 3, "a": 2}]
    assert [(row.number, row.reason, row.original) for row in bad] == [
        (2, Reason.UNEXPECTED_SHAPE, b"7"),
        (4, Reason.MALFORMED_JSON, b'{"a": 3, "a": 4}'),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"a": 1}, {"a": ', Reason.MALFORMED_JSON),
        (b'[{"a": 1}] x', Reason.MALFORMED_JSON),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b"[" + b"1," * MAX_ROWS + b"1]", Reason.TOO_LARGE),
    ],
)
def test_array_that_cannot_be_read_is_refused_as_a_whole(body: bytes, reason: Reason) -> None:
    good, bad = read(JSON, body)
    assert (good, [(row.number, row.reason, row.original) for row in bad]) == ([], [(0, reason, body)])


def test_object_that_is_none_is_row_1() -> None:
    good, bad = read(JSON, b'{"a": ')
    assert (good, [(row.number, row.reason) for row in bad]) == ([], [(1, Reason.MALFORMED_JSON)])


def test_csv_is_read_as_files_are() -> None:
    good, bad = read(CSV, b"a;b\n1;x\n2;y;z\n3;\xe9\n")
    assert good == [{ROW: 1, "a": "1", "b": "x"}, {ROW: 3, "a": "3", "b": "é"}]
    assert [(row.number, row.original) for row in bad] == [(2, b"2;y;z")]
    assert read(CSV, b"1,x\n", CsvOptions(columns=("n", "t")))[0] == [{ROW: 1, "n": "1", "t": "x"}]


def test_csv_that_cannot_be_read_is_refused_as_a_whole() -> None:
    good, (bad,) = read(CSV, b"a,a,\n1,2,3\n")
    assert (good, bad.number, bad.original) == ([], 0, b"a,a,\n1,2,3\n")


def test_csv_with_too_many_rows_is_refused_as_a_whole() -> None:
    body = b"a\n" + b"1\n" * (MAX_ROWS + 1)
    good, bad = read(CSV, body)
    assert (good, [(row.number, row.reason) for row in bad]) == ([], [(0, Reason.TOO_LARGE)])


def test_what_may_be_personal_is_in_no_dead_letter() -> None:
    """A body that can't be read may hold it anywhere, so it stays in the topic of pushes alone."""
    source = PushSource.model_validate(
        {"kind": "push", "name": "orders", "personal": ["name"], "into": {"topic": "sources.orders", "key": "{id}"}}
    )
    preparer = Preparer(source, RuleSet((), {}, source.personal, is_free_form=True), is_free_form=True)
    bodies = [b'[{"id": 1, "name": "Ada"}, "Ada", {"id": null, "name": "Ada"}]', b'[{"name": "Ada"', b'{"name": "Ada"']
    prepared = [
        preparer.prepare(rows, Origin("orders", "push/1", 0))
        for body in bodies
        for rows in push_rows(Push("orders", "1", 0, JSON, "k", body), CsvOptions())
    ]
    assert [record.key for each in prepared for record in each.records] == [b"1"]
    bad = [row for each in prepared for row in each.bad]
    assert [row.number for row in bad] == [2, 3, 0, 1]
    assert not [row for row in bad if b"Ada" in row.original or "Ada" in row.detail]
