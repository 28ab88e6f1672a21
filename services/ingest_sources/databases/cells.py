"""Rows as a driver gives them to a table of the few types that rules know: integers, floats, booleans and text."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from headrace.errors import Reason
from ingest_sources.databases.column_kinds import Kind
from ingest_sources.rows import ROW, BadRow, Rows

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
_INT64 = 1 << 63
_TYPES: dict[Kind, type[pl.DataType]] = {
    Kind.BOOLEAN: pl.Boolean,
    Kind.INTEGER: pl.Int64,
    Kind.NUMBER: pl.Float64,
    Kind.SMALL_NUMBER: pl.Float32,
    Kind.TIME: pl.Int64,
}
_to_json = msgspec.json.Encoder(enc_hook=str).encode


class _NotOfKind(Exception):
    """A value is none of what the catalogue says."""


def to_rows(kinds: Mapping[str, Kind], rows: Sequence[Sequence[Any]], first: int) -> Rows:
    """Rows with their columns by name; one with a cell that is not what its column says is a bad row.

    Only a database that doesn't hold to its own types has those, as SQLite.

    Args:
        kinds: of the leading columns of `rows`; what they have besides is left out.
        first: number of the first row.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    found = {ROW: pl.Series(range(first, first + len(rows)), dtype=pl.Int64)}
    wrong: dict[int, str] = {}
    for (name, kind), cells in zip(kinds.items(), columns, strict=False):
        found[name] = _series(name, kind, cells, wrong)
    table = pl.DataFrame(found)
    if not wrong:
        return Rows(table, (), first + len(rows) - 1)
    bad = [_bad_row(kinds, rows[place], first + place, detail) for place, detail in sorted(wrong.items())]
    table = table.filter(~pl.col(ROW).is_in([row.number for row in bad]))
    return Rows(table, tuple(bad), first + len(rows) - 1)


def _series(name: str, kind: Kind, cells: Sequence[Any], wrong: dict[int, str]) -> pl.Series:
    type_ = _TYPES.get(kind, pl.String)
    try:
        return pl.Series(cells, dtype=type_, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Most databases never come here with their own types, which polars takes at once.
        plain = []
        for place, cell in enumerate(cells):
            try:
                plain.append(None if cell is None else _PLAIN.get(kind, _text)(cell))
            except (_NotOfKind, ValueError, ArithmeticError):
                # A number may be infinite or none, or too large for a float.
                plain.append(None)
                wrong.setdefault(place, f"column {name!r} is of kind {kind} and holds a {type(cell).__name__} here")
        return pl.Series(plain, dtype=type_)


def _integer(cell: Any) -> int:
    if isinstance(cell, int) and -_INT64 <= cell < _INT64:
        return int(cell)
    if isinstance(cell, Decimal | float) and cell == (whole := int(cell)) and -_INT64 <= whole < _INT64:
        return whole
    raise _NotOfKind


def _number(cell: Any) -> float:
    if isinstance(cell, int | float | Decimal):
        return float(cell)
    raise _NotOfKind


def _boolean(cell: Any) -> bool:
    if cell in (0, 1):
        return bool(cell)
    raise _NotOfKind


def _time(cell: Any) -> int:
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        return (cell - _EPOCH) // _MICROSECOND
    raise _NotOfKind


def _text(cell: Any) -> str:
    match cell:
        case str():
            return cell
        case bytes() | bytearray() | memoryview():
            return bytes(cell).hex()
        case datetime():
            return cell.isoformat(timespec="microseconds")
        case date() | time():
            return cell.isoformat()
        case list() | tuple() | dict():
            return _to_json(cell).decode()
        case float():
            return repr(cell)
    return str(cell)


_PLAIN = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.SMALL_NUMBER: _number,
    Kind.TIME: _time,
}


def _bad_row(kinds: Mapping[str, Kind], row: Sequence[Any], number: int, detail: str) -> BadRow:
    original = {name: cell.hex() if isinstance(cell, bytes) else cell for name, cell in zip(kinds, row, strict=False)}
    return BadRow(number, Reason.MALFORMED_ROW, detail, _to_json(original))
