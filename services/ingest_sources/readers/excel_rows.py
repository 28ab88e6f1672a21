"""Reads a sheet of a workbook by python-calamine, which holds the sheet in memory as a whole."""

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum
from python_calamine import SheetVisibleEnum as Visible

from ingest_sources.readers.chunks import Row, chunks, sized
from ingest_sources.readers.json_columns import columns_of
from ingest_sources.readers.models import ExcelOptions, Limits
from ingest_sources.readers.parts import Part, check_names, numbered
from ingest_sources.readers.refusal import FileRefused, unreadable
from ingest_sources.readers.unpack import check_archive

_EXACT = 1 << 53
_Cells = list[Any]
_T = TypeVar("_T")


def excel_parts(
    file: io.RawIOBase | io.BytesIO, options: ExcelOptions, limits: Limits, after_row: int
) -> Iterator[Part]:
    """The rows under the header, in their order; rows without any cell are no rows.

    Numbers are whole where they are exactly that, as in JSON, otherwise float64. Dates, times and both together are
    ISO text without zone, durations seconds. Empty cells and errors (#DIV/0!), which the library does not tell apart,
    are null. A column's type is found for each `limits.chunk_rows` rows anew, and is text where cells differ; but a
    date is written with its time wherever some cell of the column has one, as a midnight looks like a date.

    Raises:
        FileRefused: damaged, encrypted, no workbook, over a limit, without the sheet that is asked for, or with a
            column that has cells and no name.
    """
    check_archive(file, limits)
    sheet = _sheet(_workbook(file), options.sheet)
    if sheet is None:
        return
    columns = _columns(sheet, options, limits)
    rows = (_row(cells, columns) for cells in _data(sheet, options))
    names = [column.name for column in columns]
    for chunk in chunks(rows, limits):
        table = numbered(columns_of(chunk.rows, names), chunk.numbers) if chunk.end > after_row else numbered({}, [])
        yield Part(table, chunk.end, chunk.bad)


def _workbook(file: io.RawIOBase | io.BytesIO) -> CalamineWorkbook:
    try:
        return _asked(lambda: CalamineWorkbook.from_filelike(file))
    except FileRefused:
        file.seek(0)
        # What Office encrypts is an OLE file with a stream of this name, whose directory is not.
        if "EncryptedPackage".encode("utf-16le") in (file.read() or b""):
            raise unreadable("the workbook is protected by a password; save it without") from None
        raise


def _asked(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except PasswordError as error:
        raise unreadable("the workbook is protected by a password; save it without") from error
    except CalamineError as error:
        raise unreadable(f"it is damaged, protected by a password, or no workbook: {error}") from error
    except BaseException as error:
        # A panic of the Rust library is no `Exception`, and its class can't be imported.
        if type(error).__name__ == "PanicException":
            raise unreadable(f"it is damaged: the library failed with {error}") from error
        raise


def _sheet(book: CalamineWorkbook, asked: int | str | None) -> CalamineSheet | None:
    """The sheet, or None where none has a cell. Raises FileRefused."""
    if asked is None:
        tables = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        tables.sort(key=lambda sheet: sheet.visible != Visible.Visible)
        for table in tables:
            found = _opened(book, table.name)
            if found.start is not None:
                return found
        return None
    names = book.sheet_names
    name = next(iter(names[asked - 1 : asked]), None) if isinstance(asked, int) else asked
    if name not in names:
        raise unreadable(f"it has no sheet {asked!r}; its sheets are {', '.join(names)}")
    found = _opened(book, name)
    return found if found.start is not None else None


def _opened(book: CalamineWorkbook, name: str) -> CalamineSheet:
    return _asked(lambda: book.get_sheet_by_name(name))


def _filled(sheet: CalamineSheet, options: ExcelOptions) -> Iterator[_Cells]:
    """The rows with a cell, each from column A on."""
    left = [""] * (sheet.start or (0, 0))[1]
    for place, cells in enumerate(sheet.iter_rows()):
        if place >= options.skip_rows and any(cell != "" for cell in cells):
            yield [*left, *cells] if left else cells


def _data(sheet: CalamineSheet, options: ExcelOptions) -> Iterator[_Cells]:
    rows = _filled(sheet, options)
    if options.header:
        next(rows, None)
    return rows


@dataclass(frozen=True)
class _Column:
    """Attributes:
    place: from 0, for column A.
    timed: some cell has a date with a time.
    """

    name: str
    place: int
    timed: bool


def _columns(sheet: CalamineSheet, options: ExcelOptions, limits: Limits) -> list[_Column]:
    header = next(_filled(sheet, options), []) if options.header else []
    used: set[int] = set()
    timed: set[int] = set()
    for cells in _data(sheet, options):
        for place, cell in enumerate(cells):
            if cell != "":
                used.add(place)
                if type(cell) is dt.datetime:
                    timed.add(place)
    names = options.columns or [_name(cell) for cell in header]
    nameless = sorted(place for place in used if place >= len(names) or not names[place].strip())
    if nameless:
        letters = ", ".join(_letters(place) for place in nameless[:5])
        raise unreadable(f"cells in column {letters} have no name above them; set read.excel.columns or skip_rows")
    columns = [_Column(name, place, place in timed) for place, name in enumerate(names) if name.strip()]
    _check([column.name for column in columns], limits)
    return columns


def _check(names: Sequence[str], limits: Limits) -> None:
    check_names(names, limits.max_columns)
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise unreadable(f"two columns are named {twice!r}; set read.excel.columns")


def _name(cell: Any) -> str:
    value = _value(cell, False)
    return "" if value is None else value if isinstance(value, str) else str(value)


def _letters(place: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def _row(cells: _Cells, columns: Iterable[_Column]) -> Row:
    return sized(
        {column.name: _value(cells[column.place], column.timed) for column in columns if column.place < len(cells)}
    )


def _value(cell: Any, timed: bool) -> Any:
    kind = type(cell)
    if kind is str:
        return cell or None
    if kind is dt.timedelta:
        cell = cell.total_seconds()
        kind = float
    if kind is float:
        return int(cell) if cell.is_integer() and abs(cell) < _EXACT else cell
    if kind is dt.date and timed:
        return f"{cell.isoformat()}T00:00:00"
    return cell if kind in (int, bool) else cell.isoformat()
