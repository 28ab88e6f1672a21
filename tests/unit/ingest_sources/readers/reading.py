"""What the tests of the readers share."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ingest_sources.readers.messages import Done, Facts
from ingest_sources.readers.models import CsvOptions, Limits, ReadOptions
from ingest_sources.readers.read_file import read_rows
from ingest_sources.readers.refusal import FileRefused
from ingest_sources.rows import ROW, BadRow, Rows


def corpus(shared_data: Path, pattern: str) -> list[Path]:
    """The files of a corpus; that there are none is a mistake in the pattern."""
    found = sorted((shared_data / "files").glob(pattern))
    assert found, pattern
    return found


@dataclass
class Read:
    """All that came of a file; `refused` is what ended it, if anything."""

    parts: list[Rows]
    refused: FileRefused | None
    told: list[Facts | Done]

    @property
    def rows(self) -> list[dict[str, Any]]:
        tables = [part.table for part in self.parts if part.table.height]
        return [row for table in tables for row in table.drop(ROW).to_dicts()]

    @property
    def numbers(self) -> list[int]:
        return [number for part in self.parts for number in part.table[ROW].to_list()]

    @property
    def bad(self) -> list[BadRow]:
        return [row for part in self.parts for row in part.bad]

    @property
    def facts(self) -> Facts:
        return next(said for said in self.told if isinstance(said, Facts))

    @property
    def peak_mb(self) -> float:
        return next(said.peak_kb for said in self.told if isinstance(said, Done)) / 1024


def read(path: Path, limits: Limits | None = None, after_row: int = 0, **csv: Any) -> Read:
    return read_by(path, ReadOptions(csv=CsvOptions(**csv)), limits, after_row)


def read_by(path: Path, options: ReadOptions, limits: Limits | None = None, after_row: int = 0) -> Read:
    told: list[Facts | Done] = []
    parts: list[Rows] = []
    try:
        parts.extend(read_rows(path, path.name, options, limits or Limits(), after_row, told=told.append))
    except FileRefused as refused:
        return Read(parts, refused, told)
    return Read(parts, None, told)


def xlsx(path: Path, rows: list[list[Any]], name: str = "Sheet1") -> Path:
    """Writes a workbook with one sheet: numbers, booleans and texts, None where there is no cell."""
    lines = "".join(
        f'<row r="{number}">{"".join(_cell(number, place, cell) for place, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    )
    space = "http://schemas.openxmlformats.org"
    kind = f"{space}/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in (
            ("[Content_Types].xml", f'<Types xmlns="{space}/package/2006/content-types"/>'),
            ("_rels/.rels", _related(f"{kind}/officeDocument", "xl/workbook.xml")),
            ("xl/_rels/workbook.xml.rels", _related(f"{kind}/worksheet", "worksheets/sheet1.xml")),
            (
                "xl/workbook.xml",
                f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{kind}">'
                f'<sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets></workbook>',
            ),
            (
                "xl/worksheets/sheet1.xml",
                f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{lines}</sheetData></worksheet>',
            ),
        ):
            archive.writestr(member, content)
    return path


def _related(kind: str, target: str) -> str:
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}"><Relationship Id="r1" Target="{target}" Type="{kind}"/></Relationships>'


def _cell(row: int, place: int, cell: Any) -> str:
    at = f"{chr(65 + place)}{row}"
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return f'<c r="{at}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f'<c r="{at}"><v>{cell}</v></c>'
