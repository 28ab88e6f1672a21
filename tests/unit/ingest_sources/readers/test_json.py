"""Reads NDJSON and JSON strictly, by JSONTestSuite among others."""

import json
from pathlib import Path

import polars as pl
import pytest

from headrace.errors import Reason, TerminalError
from ingest_sources.readers.json_strict import parse_object, parse_strict
from ingest_sources.readers.models import Limits
from tests.unit.ingest_sources.readers.reading import corpus, read

SUITE = "jsontestsuite/test_parsing/*.json"


def write(folder: Path, content: bytes, name: str = "file.ndjson") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_json_test_suite(shared_data: Path) -> None:
    suite = corpus(shared_data, SUITE)
    wrong = []
    for path in suite:
        try:
            value, accepted = parse_strict(path.read_bytes()), True
        except TerminalError:
            value, accepted = None, False
        if {"y": not accepted, "n": accepted}.get(path.name[0]):
            wrong.append(path.name)
        if path.name[0] == "y" and accepted:
            assert value == json.loads(path.read_bytes())
    assert wrong == []
    assert len(suite) == 318


def test_json_test_suite_as_files_is_read_or_refused(shared_data: Path) -> None:
    for path in corpus(shared_data, SUITE)[::7]:
        done = read(path)
        if path.name[0] == "n":
            assert done.refused is not None or done.bad, path.name


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"b":2}]}',
        b'{"a":"x","a":"y"}',
        b'{"\\u0061":1,"a":2}',
        b'{"a":"\\"","a":"\\""}',
        b"[1]",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' * 50_000,
    ],
)
def test_objects_that_are_no_rows(text: bytes) -> None:
    with pytest.raises(TerminalError):
        parse_object(text)


def test_a_name_may_be_there_again_in_another_object() -> None:
    assert parse_object(b'{"a":{"a":"\\"a\\""},"b":[{"a":1},{"a":"x"}]}')["a"] == {"a": '"a"'}


def test_a_bad_line_is_bad_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    done = read(write(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"a":}\n[1]\n{"a":"\xff"}\n{"a":1,"a":2}\n{"a":7}'))
    assert done.numbers == [1, 6]
    assert [(row.number, row.reason, row.original) for row in done.bad] == [
        (2, Reason.MALFORMED_JSON, b'{"a":}'),
        (3, Reason.UNEXPECTED_SHAPE, b"[1]"),
        (4, Reason.INVALID_UTF8, b'{"a":"\xff"}'),
        (5, Reason.MALFORMED_JSON, b'{"a":1,"a":2}'),
    ]


def test_nested_objects_lists_and_mixed_types(tmp_path: Path) -> None:
    lines = [
        {
            "id": 1,
            "n": {"x": {"y": 1.5}},
            "list": [1, {"k": None}],
            "mixed": 5,
            "number": 1,
            "big": 1 << 64,
            "flag": True,
        },
        {"id": 2, "n": {"x": {"y": 2.5}}, "list": [], "mixed": "five", "number": 0.5, "big": 7, "empty": {}},
        {"id": None, "mixed": False, "number": None},
    ]
    done = read(write(tmp_path, "\n".join(map(json.dumps, lines)).encode()))
    [part] = done.parts
    table = part.table.drop("__row__")
    assert table.to_dict(as_series=False) == {
        "id": [1, 2, None],
        "n.x.y": [1.5, 2.5, None],
        "list": ['[1,{"k":null}]', "[]", None],
        "mixed": ["5", "five", "false"],
        "number": [1.0, 0.5, None],
        "big": ["18446744073709551616", "7", None],
        "flag": [True, None, None],
        "empty": [None, "{}", None],
    }
    assert table.schema["id"] == pl.Int64


def test_a_whole_number_that_no_float_holds_makes_its_column_text(tmp_path: Path) -> None:
    done = read(write(tmp_path, b'{"a":9007199254740993}\n{"a":0.5}\n'))
    assert [row["a"] for row in done.rows] == ["9007199254740993", "0.5"]


def test_values_that_would_share_a_column_are_a_bad_row(tmp_path: Path) -> None:
    [bad] = read(write(tmp_path, b'{"a.b":1,"a":{"b":2}}\n')).bad
    assert bad.reason == Reason.UNEXPECTED_SHAPE


def test_json_documents(tmp_path: Path) -> None:
    assert read(write(tmp_path, b' [{"a":1}, {"a":2}]\n', "file.json")).rows == [{"a": 1}, {"a": 2}]
    assert read(write(tmp_path, b'{"a":{"b":1}}', "file.json")).rows == [{"a.b": 1}]
    assert read(write(tmp_path, b"[]", "file.json")).parts == [] or not read(tmp_path / "file.json").rows


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"5", b"[1]", b'[{"a":1},]', b'[{"a":1}] x', b"[" * 100_000, b'[{"a":NaN}]', b"\xff\xfe[\0]\0"],
)
def test_json_documents_that_are_refused(tmp_path: Path, content: bytes) -> None:
    done = read(write(tmp_path, content, "file.json"))
    assert done.refused is not None
    assert not done.rows


def test_limits_of_lines_and_documents(tmp_path: Path) -> None:
    limits = Limits(max_row_bytes=1000, max_json_bytes=5000)
    lines = b'{"a":1}\n{"a":"' + b"x" * 3_000_000 + b'"}\n{"a":3}\n'
    done = read(write(tmp_path, lines), limits)
    assert done.numbers == [1, 3]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.TOO_LARGE)]
    assert "3000008 bytes" in done.bad[0].detail
    refused = read(write(tmp_path, b"[" + b" " * 6000 + b"]", "file.json"), limits).refused
    assert refused is not None
    assert refused.reason == Reason.TOO_LARGE


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    lines = b"\n".join(json.dumps({f"c{n}": n}).encode() for n in range(200))
    refused = read(write(tmp_path, lines), Limits(max_columns=100)).refused
    assert refused is not None
    assert refused.reason == Reason.TOO_LARGE
