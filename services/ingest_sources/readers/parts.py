"""Consecutive rows inside the reading process, before they are sent."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.errors import Reason
from ingest_sources.readers.messages import Bad
from ingest_sources.readers.refusal import too_large, unreadable

ROW = "__row__"
"""As `ingest_sources.rows.ROW`; that module would load polars into each reader."""
KEPT_BYTES = 65_536
"""Of a row that is too large, what goes to the dead letters."""
BAD_BYTES = 8 << 20
"""Of bad rows that are given at once, but for one row."""
_BAD_ROW_BYTES = 200  # number, reason and detail
Table = Any
"""A `pyarrow.Table`, which ships no types."""


@dataclass(frozen=True)
class Part:
    """As `ingest_sources.rows.Rows`, with a pyarrow table."""

    table: Table
    end: int
    bad: list[Bad] = field(default_factory=list)


def check_names(names: Sequence[str], max_columns: int) -> None:
    """Raises FileRefused: too many columns, or one with a name that Headrace keeps for itself."""
    if len(names) > max_columns:
        raise too_large(f"{len(names)} columns are more than limits.max_columns, {max_columns}")
    if ROW in names:
        raise unreadable(f"a column is named {ROW}, which is Headrace's own name for the row number")


def numbered(columns: dict[str, Any], numbers: Any) -> Table:
    """A table of the columns with the row numbers in front."""
    return pa.table({ROW: pa.array(numbers, pa.int64()), **columns})


def after(part: Part, row: int) -> Part:
    """The part's rows whose number is over `row`."""
    table = part.table
    if table.num_rows and table[ROW][0].as_py() <= row:
        table = table.filter(pc.greater(table[ROW], row))
    return Part(table, part.end, [bad for bad in part.bad if bad.number > row])


def cut(part: Part, chunk_rows: int) -> Iterator[Part]:
    """The same rows in parts of at most `chunk_rows` good rows and about `BAD_BYTES` of bad ones."""
    table, bad = part.table, part.bad
    lasts = table[ROW].take(pa.array(range(chunk_rows - 1, table.num_rows, chunk_rows), pa.int64())).to_pylist()
    ends = sorted({end for end in (*lasts, *_overflows(bad)) if end < part.end})
    for end in ends:
        count = pc.sum(pc.less_equal(table[ROW], end)).as_py() or 0
        bads = bisect.bisect_right(bad, end, key=attrgetter("number"))
        yield Part(table.slice(0, count), end, bad[:bads])
        table, bad = table.slice(count), bad[bads:]
    yield Part(table, part.end, bad)


def _overflows(bad: list[Bad]) -> Iterator[int]:
    size = 0
    for row in bad:
        size += len(row.original) + _BAD_ROW_BYTES
        if size > BAD_BYTES:
            yield row.number
            size = 0


def row_too_large(number: int, size: int, limit: int, original: bytes) -> Bad:
    detail = f"the row has {size} bytes, over limits.max_row_bytes, {limit}"
    return Bad(number, Reason.TOO_LARGE, detail, original[:KEPT_BYTES])
