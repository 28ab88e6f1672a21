"""Reads workbooks: calamine's own test files, csvkit's known answers, and hostile ones."""

import csv
import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from python_calamine import CalamineWorkbook

from headrace.errors import Reason
from ingest_sources.readers.models import ExcelOptions, Limits, ReadOptions
from tests.unit.ingest_sources.readers.reading import Read, corpus, read, read_by, xlsx

NO_WORKBOOK = "no workbook"
NO_NAME = "have no name above them"
TWICE = "two columns are named"
# Also refused where names are given.
REFUSED = {
    # A sector that is far behind the file's end; an allocation of 4 GB in older versions of the library.
    "OOM_alloc3.xls": NO_WORKBOOK,
    # A member is larger than the archive says.
    "issue252.xlsx": NO_WORKBOOK,
    # BIFF's own password, and OpenDocument's: the library does not say so of a file without a name.
    "issue_385.xls": "password",
    "pass_protected.ods": "password",
    # 17 milliard cells by two numbers of repetition, over the library's limit.
    "issue_594_dos.ods": NO_WORKBOOK,
    "pass_protected.xlsb": "protected by a password",
    "pass_protected.xlsx": "protected by a password",
    # Pictures, and 68 bytes of text.
    "picture.jpg": "binary",
    "picture.png": "binary",
    "too_small.xls": NO_WORKBOOK,
}
# The first row of these is no header: a title over the table, merged cells, or numbers alone.
NO_HEADER = {
    "OOM_alloc.xls": NO_NAME,
    "biff5-rich-text-string.xls": NO_NAME,
    "biff5_write.xls": NO_NAME,
    "column_row_ranges.xlsx": TWICE,
    "formula.issue.xlsx": NO_NAME,
    "gh548_incorrect_sst_unique_count.xls": NO_NAME,
    "header-row.xlsx": NO_NAME,
    "issue446.xlsx": TWICE,
    "issue_261.xlsx": NO_NAME,
    "issue_261_fixed_by_excel.xlsx": NO_NAME,
    "issue_530.xlsx": NO_NAME,
    "issue_565_multi_axis_shared.xlsx": TWICE,
    "issue_567_absolute_shared.xlsx": TWICE,
    "issue_643_biff5_formula.xls": NO_NAME,
    "malformed_format.xls": NO_NAME,
    "merge_cells.xls": NO_NAME,
    "merge_cells.xlsx": NO_NAME,
    "minimal_package.xlsx": NO_NAME,
    "optional_records.xls": NO_NAME,
    "pivots.xlsx": NO_NAME,
    "ptgexp-truncated-operand.xls": NO_NAME,
    "richtext-after-plain.xlsx": TWICE,
    "shared_formula_reversed.xlsx": TWICE,
    "table_with_insertrow_attribute.xlsx": TWICE,
    "xls_cross_sheet_chart.xls": NO_NAME,
}
LETTERS = tuple(f"c{place}" for place in range(1, 201))


def read_sheet(path: Path, limits: Limits | None = None, after_row: int = 0, **excel: Any) -> Read:
    return read_by(path, ReadOptions(excel=ExcelOptions(**excel)), limits, after_row)


def test_each_workbook_of_calamine_is_read_or_refused(shared_data: Path) -> None:
    paths = corpus(shared_data, "excel-calamine/tests/*")
    assert len(paths) == 134
    for path in paths:
        done = read_sheet(path, header=False, columns=LETTERS)
        if path.name in REFUSED:
            assert done.refused is not None, path.name
            assert REFUSED[path.name] in done.refused.detail, path.name
            continue
        assert done.refused is None, path.name
        assert done.facts.format == "excel"
        assert done.numbers == list(range(1, len(done.rows) + 1))
        assert cells(done) == cells_of_library(path), path.name


def cells(done: Read) -> int:
    return sum(value is not None for row in done.rows for value in row.values())


def cells_of_library(path: Path) -> int:
    """Cells of the first visible sheet that has one."""
    book = CalamineWorkbook.from_path(str(path))
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python()
        if rows:
            return sum(cell != "" for row in rows for cell in row)
    return 0


def test_which_workbooks_of_calamine_have_a_header(shared_data: Path) -> None:
    for path in corpus(shared_data, "excel-calamine/tests/*.xls*"):
        done = read(path)
        expected = REFUSED.get(path.name) or NO_HEADER.get(path.name)
        assert (done.refused is not None) == (expected is not None), path.name
        assert expected is None or (done.refused and expected in done.refused.detail), path.name


NAMES = ("text", "date", "integer", "boolean", "float", "datetime", "empty_column", "h")


@pytest.mark.parametrize(
    ("name", "answer", "options"),
    [
        ("dummy.xls", "dummy.csv", {}),
        ("dummy.xlsx", "dummy.csv", {}),
        ("test.xls", "testxls_converted.csv", {"columns": NAMES}),
        ("test.xlsx", "testxlsx_converted.csv", {"columns": NAMES}),
        ("test_skip_lines.xls", "testxls_converted.csv", {"columns": NAMES, "skip_rows": 3}),
        ("test_skip_lines.xlsx", "testxlsx_converted.csv", {"columns": NAMES, "skip_rows": 3}),
        # sheetsxls_converted.csv has a column `time`, which no sheet of these workbooks has; this is their content.
        ("sheets.xls", "testxls_converted.csv", {"columns": NAMES, "sheet": "data"}),
        ("sheets.xlsx", "testxlsx_converted.csv", {"columns": NAMES, "sheet": 2}),
        ("sheets.xls", "testxls_unicode_converted.csv", {"sheet": "ʤ"}),
        ("sheets.xlsx", "testxlsx_unicode_converted.csv", {"sheet": "ʤ"}),
    ],
)
def test_known_answers_of_csvkit(name: str, answer: str, options: dict[str, Any], shared_data: Path) -> None:
    """Cells are equal as texts, after this: numbers by value, True as true, null as nothing, and a midnight with its
    time or without."""
    folder = shared_data / "files/csvkit/examples"
    done = read_sheet(folder / name, **options)
    assert done.refused is None
    with (folder / answer).open(newline="", encoding="utf-8") as file:
        expected = list(csv.reader(file))[1:]
    assert [[plain(cell) for cell in row.values()] for row in done.rows] == [
        [plain(c) for c in row] for row in expected
    ]


def plain(cell: Any) -> Any:
    text = "" if cell is None else str(cell).removesuffix("T00:00:00")
    try:
        return float(text)
    except ValueError:
        return text


def test_a_column_without_a_name_is_named_by_its_letter(shared_data: Path) -> None:
    [path] = corpus(shared_data, "csvkit/examples/test.xlsx")
    refused = read(path).refused
    assert refused is not None
    assert "column H" in refused.detail


def test_types(tmp_path: Path, shared_data: Path) -> None:
    rows: list[list[Any]] = [
        ["whole", None, "float", "mixed", "bool", "text"],
        [1, None, 1, 1, True, "ä & <b>"],
        [],
        [2**53 - 1, None, 2.5, "x", False, None],
    ]
    assert read(xlsx(tmp_path / "f.xlsx", rows)).rows == [
        {"whole": 1, "float": 1.0, "mixed": "1", "bool": True, "text": "ä & <b>"},
        {"whole": 2**53 - 1, "float": 2.5, "mixed": "x", "bool": False, "text": None},
    ]
    [dates] = corpus(shared_data, "excel-calamine/tests/date.xlsx")
    assert read_sheet(dates, header=False, columns=("day", "n")).rows == [
        {"day": "2021-01-01", "n": 15},
        {"day": "2021-01-02", "n": 16},
        # A duration, 255 hours and some, is seconds.
        {"day": "918610", "n": 17},
    ]
    [errors] = corpus(shared_data, "excel-calamine/tests/errors.xlsx")
    assert read_sheet(errors, header=False, columns=("error",)).rows == []


@pytest.mark.parametrize("sheet", ["none", 2])
def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, sheet: object) -> None:
    refused = read_sheet(xlsx(tmp_path / "f.xlsx", [["a"], [1]], "Table"), sheet=sheet).refused
    assert refused is not None
    assert refused.detail.endswith("Table")


def test_a_workbook_is_known_by_its_content_and_no_archive(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "f.xlsx", [["a"], [1]])
    content = path.read_bytes()
    for name in ("unnamed", "f.zip", "f.dat", "f.xls"):
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name).rows == [{"a": 1}], name
    (tmp_path / "f.xlsx.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("f.xlsx", content)
    for name in ("f.xlsx.gz", "packed.zip"):
        assert read(tmp_path / name).rows == [{"a": 1}], name
    (tmp_path / "f.csv").write_bytes(content)
    refused = read(tmp_path / "f.csv").refused
    assert refused is not None
    assert refused.reason == Reason.UNSUPPORTED_FORMAT


def test_hostile_workbooks_cost_themselves_alone(tmp_path: Path) -> None:
    limits = Limits(memory_mb=256, seconds=20)
    path = xlsx(tmp_path / "f.xlsx", [["a"], [1]])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    bomb = b"<sheetData>" + b" " * 100_000_000
    for name, content, said in (
        ("far", sheet.replace(b"</sheetData>", far), ""),
        ("bomb", sheet.replace(b"<sheetData>", bomb), "max_ratio"),
        ("entity", b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + sheet, None),
    ):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, old in members.items():
                archive.writestr(member, content if member.endswith("sheet1.xml") else old)
        done = read(path, limits)
        assert said is None or (done.refused is not None and said in done.refused.detail), name
    for size in range(0, len(path.read_bytes()), 97):
        cut = tmp_path / "cut.xlsx"
        cut.write_bytes(path.read_bytes()[:size])
        assert read(cut, limits).refused is not None, size


def test_a_row_over_the_limit_is_bad(tmp_path: Path) -> None:
    done = read(xlsx(tmp_path / "f.xlsx", [["a"], ["x" * 500], [1]]), Limits(max_row_bytes=100))
    assert done.numbers == [2]
    assert [(row.number, row.reason) for row in done.bad] == [(1, Reason.TOO_LARGE)]


def test_options_that_can_not_work() -> None:
    for wrong in ({"header": False}, {"sheet": 0}, {"sheet": True}, {"columns": ("a", "a")}, {"skip_rows": -1}):
        with pytest.raises(ValidationError):
            ExcelOptions.model_validate(wrong)
