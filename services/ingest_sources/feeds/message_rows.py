"""Messages to rows: JSON objects as they come one by one, from a queue, a topic or an answer."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from headrace.errors import Reason, TerminalError
from ingest_sources.readers.json_columns import columns_of, flatten, names_of
from ingest_sources.readers.json_strict import parse_object
from ingest_sources.rows import ROW, BadRow, Rows

Numbered = tuple[int, bytes]
"""A row's number and its bytes, one JSON object."""
MAX_COLUMNS = 10_000
_CELLS = 250_000
_FILLED = 0.1
_INT64 = 1 << 63
_EXACT = 1 << 53


def json_rows(bodies: Iterable[Numbered]) -> list[Rows]:
    """Rows of JSON objects, in their order: nested names get dots, lists stay JSON.

    A column has one type in each of the results: where a message has another type in it than those before, another
    result begins. So one that is odd can't change what the others are.

    Args:
        bodies: by rising number. A body that is no JSON object is a bad row.
    """
    objects: list[tuple[int, dict[str, Any]]] = []
    bad: list[BadRow] = []
    end = 0
    for end, body in bodies:
        try:
            objects.append((end, _checked(flatten(parse_object(body)))))
        except TerminalError as error:
            bad.append(BadRow(end, error.reason, error.detail, body))
    return _rows(objects, bad, end)


def object_rows(objects: Sequence[tuple[int, dict[str, Any]]]) -> list[Rows]:
    """As `json_rows`, of objects that are decoded already."""
    good: list[tuple[int, dict[str, Any]]] = []
    bad: list[BadRow] = []
    for number, value in objects:
        try:
            good.append((number, _checked(flatten(value))))
        except TerminalError as error:
            bad.append(BadRow(number, error.reason, error.detail, repr(value).encode()))
    return _rows(good, bad, objects[-1][0] if objects else 0)


def _rows(objects: list[tuple[int, dict[str, Any]]], bad: list[BadRow], end: int) -> list[Rows]:
    if not objects:
        return [Rows(pl.DataFrame(schema={ROW: pl.Int64}), tuple(bad), end)] if bad else []
    runs = list(_runs(objects))
    found: list[Rows] = []
    for position, run in enumerate(runs):
        last = end if position == len(runs) - 1 else run[-1][0]
        own = tuple(row for row in bad if row.number <= last and (not found or row.number > found[-1].end))
        rows = [value for _, value in run]
        # pyarrow finds a column's type in C; polars takes its memory over as it is.
        columns = {name: pl.from_arrow(array) for name, array in columns_of(rows, names_of(rows)).items()}
        numbers = pl.Series([number for number, _ in run], dtype=pl.Int64)
        found.append(Rows(pl.DataFrame({ROW: numbers, **columns}), own, last))
    return found


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    if ROW in value:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"a column is named {ROW}, which is Headrace's own name")
    if len(value) > MAX_COLUMNS:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"it has {len(value)} columns; {MAX_COLUMNS} fit")
    # What has no value need not be a column: the names of a sender have no end.
    return {name: item for name, item in value.items() if item is not None} if None in value.values() else value


def _runs(objects: list[tuple[int, dict[str, Any]]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Consecutive rows in which each name has one kind of value, and of which most are not empty."""
    run: list[tuple[int, dict[str, Any]]] = []
    kinds: dict[str, str] = {}
    values = 0
    for number, value in objects:
        own = {name: _kind(item) for name, item in value.items()}
        is_other = any(kinds.get(name, kind) != kind for name, kind in own.items())
        if run and (is_other or _is_sparse(len(run) + 1, len(kinds.keys() | own), values + len(own))):
            yield run
            run, kinds, values = [], {}, 0
        run.append((number, value))
        kinds.update(own)
        values += len(own)
    yield run


def _is_sparse(rows: int, columns: int, values: int) -> bool:
    """Whether a table would be large and nearly empty: rows that each have names of their own make one."""
    cells = rows * columns
    return columns > MAX_COLUMNS or (cells > _CELLS and values < cells * _FILLED)


def _kind(item: Any) -> str:
    # A number that no int64 or float64 holds exactly would make texts of all others.
    if isinstance(item, str):
        return "text"
    if isinstance(item, bool):
        return "boolean"
    if isinstance(item, int):
        return "number" if -_EXACT <= item <= _EXACT else ("integer" if -_INT64 <= item < _INT64 else "large")
    return "number"
