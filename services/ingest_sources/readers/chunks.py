"""Rows that were decoded one by one, gathered into chunks. Where one ends depends on the rows alone, so that a
column's type does as well."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace.errors import Reason
from ingest_sources.readers.messages import Bad
from ingest_sources.readers.models import Limits
from ingest_sources.readers.parts import row_too_large
from ingest_sources.readers.refusal import FileRefused

CHUNK_BYTES = 16 << 20
"""Of texts that are held at once, but for one row."""
_CELL_BYTES = 16
_to_json = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a row is bad, and how it came."""

    reason: Reason
    detail: str
    original: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """Attributes:
    size: about the bytes of its cells.
    """

    cells: dict[str, Any] | Wrong
    size: int


@dataclass
class Chunk:
    """Consecutive rows up to `end`, good and bad."""

    end: int
    numbers: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    size: int = 0

    def add(self, row: Row, limit: int) -> None:
        self.end += 1
        self.size += row.size
        if isinstance(row.cells, Wrong):
            self.bad.append(Bad(self.end, row.cells.reason, row.cells.detail, row.cells.original))
        elif row.size > limit:
            self.size -= row.size
            self.bad.append(row_too_large(self.end, row.size, limit, _to_json(row.cells)))
        else:
            self.numbers.append(self.end)
            self.rows.append(row.cells)


def sized(cells: dict[str, Any]) -> Row:
    size = 0
    for cell in cells.values():
        if type(cell) is str:
            size += len(cell) if cell.isascii() else len(cell.encode(errors="replace"))
        else:
            size += _CELL_BYTES
    return Row(cells, size)


def chunks(rows: Iterator[Row], limits: Limits, before: int = 0) -> Iterator[Chunk]:
    """Chunks of the rows, the first of which has the number `before` + 1.

    Raises:
        FileRefused: what `rows` raises, after the rows that came before it were given.
    """
    chunk = Chunk(before)
    refused: FileRefused | None = None
    try:
        for row in rows:
            chunk.add(row, limits.max_row_bytes)
            if len(chunk.rows) >= limits.chunk_rows or len(chunk.bad) >= limits.chunk_rows or chunk.size > CHUNK_BYTES:
                yield chunk
                chunk = Chunk(chunk.end)
    except FileRefused as error:
        refused = error
    if chunk.numbers or chunk.bad:
        yield chunk
    if refused is not None:
        raise refused
