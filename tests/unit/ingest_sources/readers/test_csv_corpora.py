"""Reads csv-spectrum, csvkit's examples and Arrow's CSV files as their owners expect."""

import csv
import json
from pathlib import Path

import pytest

from headrace.errors import Reason
from tests.unit.ingest_sources.readers.reading import corpus, read

CSVKIT_REFUSED = {
    # A spreadsheet's column without a name: csvkit makes up "i" and "_unnamed", we ask.
    "sheetsxlsx_converted.csv": Reason.UNEXPECTED_SHAPE,
    "test_empty_columns.csv": Reason.UNEXPECTED_SHAPE,
}
CSVKIT_BAD = {
    # Rows that are short or long. csvkit fills or cuts them, and says so with `csvclean` only.
    "bad.csv": [1, 2],
    # The blank lines before its header are no rows.
    "bad_skip_lines.csv": [1, 2],
    "join_a_short.csv": [1, 2],
    "test_empty_columns_long_row.csv": [1],
    "test_empty_columns_short_row.csv": [1],
    "test_extra_header.csv": [1],
    "test_join_short_rows.csv": [1, 2],
}
ENCODINGS = {"test_latin1.csv": "cp1252", "test_utf16_big.csv": "utf-16", "test_utf16_little.csv": "utf-16"}


def test_csv_spectrum(shared_data: Path) -> None:
    for path in corpus(shared_data, "csv-spectrum/csvs/*.csv"):
        check_csv_spectrum(path)


def check_csv_spectrum(path: Path) -> None:
    done = read(path)
    expected = json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_bytes().decode(errors="replace"))
    if path.stem == "location_coordinates":
        # The corpus differs from itself: its JSON has another telephone number.
        expected["Contact Phone Number"] = "2095257564"
    assert done.rows == (expected if isinstance(expected, list) else [expected]), path.name
    assert not done.bad, path.name


def test_csvkit(shared_data: Path) -> None:
    for path in corpus(shared_data, "csvkit/examples/*.csv"):
        check_csvkit(path)


def check_csvkit(path: Path) -> None:
    done = read(path)
    if path.name in CSVKIT_REFUSED:
        assert done.refused is not None, path.name
        assert done.refused.reason == CSVKIT_REFUSED[path.name]
        return
    assert done.refused is None, path.name
    assert [row.number for row in done.bad] == CSVKIT_BAD.get(path.name, []), path.name
    encoding = ENCODINGS.get(path.name, "utf-8-sig")
    with path.open(encoding=encoding, newline="") as file:
        # An oracle that shares no code with ours: Python's module, by the delimiter that was found.
        rows = [row for row in csv.reader(file, delimiter=done.facts.delimiter or ",") if row]
    good = [row for number, row in enumerate(rows[1:], 1) if number not in CSVKIT_BAD.get(path.name, [])]
    assert [list(row.values()) for row in done.rows] == good, path.name


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("dummy.csv.bz2", [{"a": "1", "b": "2", "c": "3"}]),
        ("dummy.csv.gz", [{"a": "1", "b": "2", "c": "3"}]),
        ("dummy.tsv", [{"a": "1", "b": "2", "c": "3"}]),
        ("mac_newlines.csv", [{"a": "1", "b": "2", "c": "3"}, {"a": "Once upon\ra time", "b": "5", "c": "6"}]),
        ("null_byte.csv", [{"a": "\0", "b": "2", "c": "3"}]),
        ("sniff_limit.csv", [{"a": "1", "b": "2", "c": "3"}]),
        ("test_latin1.csv", [{"a": "1", "b": "2", "c": "3"}, {"a": "4", "b": "5", "c": "©"}]),
        ("test_utf16_big.csv", [{"a": "1", "b": "2", "c": "3"}, {"a": "4", "b": "5", "c": "ʤ"}]),
        ("test_utf8_bom.csv", [{"foo": "1", "bar": "2", "baz": "3"}, {"foo": "4", "bar": "5", "baz": "ʤ"}]),
        ("testjson_multiline.json", [{"a": 2, "b": 3, "d": None}, {"a": None, "b": 2, "d": 4}]),
    ],
)
def test_csvkit_by_hand(name: str, rows: list[dict[str, object]], shared_data: Path) -> None:
    [path] = corpus(shared_data, f"csvkit/examples/{name}")
    assert read(path).rows == rows


@pytest.mark.parametrize("name", ["testdbf.dbf", "test.sql"])
def test_csvkit_other_formats_are_refused(name: str, shared_data: Path) -> None:
    [path] = corpus(shared_data, f"csvkit/examples/{name}")
    refused = read(path).refused
    assert refused is not None
    assert refused.reason == Reason.UNSUPPORTED_FORMAT


def test_arrow_csv_files(shared_data: Path) -> None:
    folder = shared_data / "files/arrow-testing/data/csv"
    plain, packed = read(folder / "aggregate_test_100.csv"), read(folder / "aggregate_test_100.csv.gz")
    assert len(plain.rows) == 100
    assert plain.rows == packed.rows
    assert len(read(folder / "aggregate_test_100_with_dates.csv").rows) == 100


def test_arrow_fuzzed_csv_is_read_or_refused(shared_data: Path, tmp_path: Path) -> None:
    as_csv = tmp_path / "fuzzed.csv"
    for path in corpus(shared_data, "arrow-testing/data/csv/fuzzing/cluster*"):
        as_csv.write_bytes(path.read_bytes())
        for done in (read(path), read(as_csv), read(as_csv, encoding="utf-8", columns=("a", "b"))):
            seen = done.numbers + [row.number for row in done.bad]
            assert sorted(seen) == list(range(1, len(seen) + 1)), path.name
