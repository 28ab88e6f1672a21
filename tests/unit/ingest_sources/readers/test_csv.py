"""Reads CSV: what becomes of each cell, line and header."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from headrace.errors import Reason
from ingest_sources.readers.models import CsvOptions, Limits
from tests.unit.ingest_sources.readers.reading import read


def write(folder: Path, content: bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_ragged_rows_are_bad_with_their_line_and_number(tmp_path: Path) -> None:
    done = read(write(tmp_path, b"a,b\n1,2\n3\n\n4,5\n6,7,8\n9,9\n"))
    assert done.numbers == [1, 3, 5]
    assert [(row.number, row.reason, row.original) for row in done.bad] == [
        (2, Reason.MALFORMED_ROW, b"3"),
        (4, Reason.MALFORMED_ROW, b"6,7,8"),
    ]
    assert done.parts[-1].end == 5


def test_a_cell_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    done = read(write(tmp_path, "naïve,b\n1,é\n".encode() + b"2,\xff\xfe\nragged \xff\n3,x\x00y\n"), encoding="utf-8")
    assert done.rows == [{"naïve": "1", "b": "é"}, {"naïve": "3", "b": "x\x00y"}]
    assert done.numbers == [1, 4]
    assert [(row.number, row.reason, row.original) for row in done.bad] == [
        (2, Reason.INVALID_UTF8, b"2,\xff\xfe"),
        (3, Reason.MALFORMED_ROW, b"ragged \xff"),
    ]


def test_a_broken_character_does_not_make_a_utf8_file_another_encoding(tmp_path: Path) -> None:
    done = read(write(tmp_path, "a\nä\nö\nü\n".encode() + b"\xe4\n"))
    assert done.facts.encoding == "utf-8"
    assert [row.number for row in done.bad] == [4]


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("ends", [b"", b"\n", b"\n\n", b"\r", b"\r\n"])
def test_the_end_of_the_last_line_may_be_missing(tmp_path: Path, columns: int, ends: bytes) -> None:
    header, row = (b"a,b", b"1,2") if columns == 2 else (b"a", b"1")
    done = read(write(tmp_path, header + b"\n" + row + ends))
    assert len(done.rows) == 1
    assert not done.bad
    assert not read(write(tmp_path, header + ends)).rows


@pytest.mark.parametrize(
    ("content", "own"),
    [(b'a,b\n1,2\n3,"4\n5,6\n', b"4\n5,6"), (b'a\n1\n"4\n5', b"4\n5"), (b'a,b\n1,2\n"3\n4,5', b"3\n4")],
)
def test_a_quote_that_is_never_closed_makes_one_bad_row(tmp_path: Path, content: bytes, own: bytes) -> None:
    done = read(write(tmp_path, content))
    assert done.numbers == [1]
    [bad] = done.bad
    assert (bad.number, bad.reason) == (2, Reason.MALFORMED_ROW)
    assert own in bad.original
    assert "never closed" in bad.detail
    assert b"headrace" not in bad.original


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_dialect_is_found(tmp_path: Path, delimiter: str, quote: str, end: str) -> None:
    lines = [
        ["name", "note", "n"],
        [f"{quote}x{end}y{quote}", f"{quote}a{delimiter}b{quote}", "1,5"],
        ["it", "is", "2"],
    ]
    if delimiter == ",":
        lines[1][2] = "1.5"
    done = read(write(tmp_path, end.join(delimiter.join(line) for line in lines).encode()))
    assert (done.facts.delimiter, done.facts.quote) == (delimiter, quote)
    assert done.rows[0] == {"name": f"x{end}y", "note": f"a{delimiter}b", "n": lines[1][2]}


@pytest.mark.parametrize("header", [b"a,,c", b"a,b,a", b"a, ,c", b"__row__,b,c"])
def test_a_header_that_names_no_column_or_one_twice_is_refused(tmp_path: Path, header: bytes) -> None:
    path = write(tmp_path, header + b"\n1,2,3\n")
    refused = read(path).refused
    assert refused is not None
    assert refused.reason == Reason.UNEXPECTED_SHAPE
    assert read(path, header=True, columns=("x", "y", "z")).rows == [{"x": "1", "y": "2", "z": "3"}]


def test_columns_name_a_file_without_header_and_lines_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, b"made by a machine\n\n1,2\n3,4\n")
    assert read(path, columns=("x", "y"), skip_lines=1).rows == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp1252", "iso-8859-7", "shift_jis", "koi8-r"])
def test_encodings_that_are_given_or_marked(tmp_path: Path, encoding: str) -> None:
    word = {"iso-8859-7": "αβγ", "shift_jis": "日本語", "koi8-r": "привет"}.get(encoding, "naïve €")
    content = ("a,b\n" + f"1,{word}\n" * 100_000).encode(encoding)
    given: dict[str, Any] = {} if encoding.startswith("utf") else {"encoding": encoding}
    done = read(write(tmp_path, content), **given)
    assert len(done.rows) == 100_000
    assert {row["b"] for row in done.rows} == {word}


def test_bytes_that_an_encoding_does_not_know_cost_their_row(tmp_path: Path) -> None:
    done = read(write(tmp_path, b"a,b\n1,\x81\n2,\xe4\n"), encoding="cp1252")
    assert done.rows == [{"a": "2", "b": "ä"}]
    assert (done.bad[0].reason, done.bad[0].original) == (Reason.INVALID_UTF8, b"1,\x81")


def test_a_row_over_the_limit_is_bad_and_its_number_counts(tmp_path: Path) -> None:
    limits = Limits(max_row_bytes=1000)
    done = read(write(tmp_path, b"a,b\n1,2\n3," + b"x" * 1500 + b"\n" + b"y" * 2000 + b"\n5,6\n"), limits)
    assert done.numbers == [1, 4]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.TOO_LARGE), (3, Reason.TOO_LARGE)]


def test_a_file_whose_rows_are_all_malformed_is_refused(tmp_path: Path) -> None:
    done = read(write(tmp_path, b"a;b\n" + b"x\n" * 200_000), delimiter=";")
    assert done.refused is not None
    assert done.refused.reason == Reason.MALFORMED_ROW
    assert "csv.delimiter" in done.refused.detail


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"")).parts == []


def test_cells_that_look_like_null_stay_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"a,b\nNA,\nnull,NaN\n")).rows == [{"a": "NA", "b": ""}, {"a": "null", "b": "NaN"}]


def test_options_that_can_not_work_say_what_to_do() -> None:
    for wrong in (
        {"header": False},
        {"delimiter": "ab"},
        {"delimiter": "\n"},
        {"delimiter": "x"},
        {"encoding": "klingon"},
        {"columns": ("a", "a")},
        {"quote": ";", "delimiter": ";"},
    ):
        with pytest.raises(ValidationError):
            CsvOptions.model_validate(wrong)
