"""Reads Parquet by pyarrow, a batch of rows at a time."""

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pyarrow.types  # type: ignore[import-untyped]

from headrace.errors import Reason
from ingest_sources.readers.messages import Bad
from ingest_sources.readers.models import Limits
from ingest_sources.readers.open_file import FileInput
from ingest_sources.readers.parquet_columns import flat_columns, row_as_json
from ingest_sources.readers.parts import ROW, Part, check_names, numbered, row_too_large
from ingest_sources.readers.refusal import too_large, unreadable

BATCH_BYTES = 16 << 20
"""Of the rows that are decoded at once, by the sizes that the file's metadata gives."""


def parquet_parts(file: FileInput, limits: Limits, after_row: int) -> Iterator[Part]:
    """The rows in their order, in the columns of the file; row groups that end up to `after_row` are not read.

    A row with a text that is no UTF-8 is bad.

    Raises:
        FileRefused: damaged, encrypted, with checksums that do not fit, or without columns.
        pyarrow.ArrowException, OSError: what pyarrow says of damaged files; the caller makes refusals of them.
    """
    file.seek(0, os.SEEK_SET)
    parquet = pq.ParquetFile(
        pa.PythonFile(file, mode="r"),
        page_checksum_verification=True,
        # Nanoseconds, its default, end in 2262.
        coerce_int96_timestamp_unit="us",
        pre_buffer=False,
    )
    first, given = 1, 0
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        if count < 0:
            raise unreadable(f"row group {group} has {count} rows")
        if first + count > after_row + 1:
            for part in _group_parts(parquet, group, first, limits):
                given += part.table.nbytes
                if given > limits.max_bytes:
                    raise too_large(f"it unpacks into more than limits.max_bytes, {limits.max_bytes}")
                yield part
        first += count


def _group_parts(parquet: Any, group: int, first: int, limits: Limits) -> Iterator[Part]:
    rows = parquet.metadata.row_group(group).num_rows
    number = first
    size = _batch_rows(parquet.metadata.row_group(group), limits)
    for batch in parquet.iter_batches(size, row_groups=[group], use_threads=False):
        batch.validate(full=False)
        yield _part(batch, number, limits)
        number += batch.num_rows
    if number != first + rows:
        raise unreadable(f"row group {group} has {number - first} rows where the metadata says {rows}")


def _batch_rows(group: Any, limits: Limits) -> int:
    size = max(group.total_byte_size // max(group.num_rows, 1), 1)
    return int(max(min(limits.chunk_rows, BATCH_BYTES // size), 1))


def _part(batch: Any, first: int, limits: Limits) -> Part:
    columns = flat_columns(batch)
    if not columns:
        raise unreadable("it has no columns")
    check_names(list(columns), limits.max_columns)
    table = numbered(columns, range(first, first + batch.num_rows))
    bad: list[Bad] = []
    table = _without_large(table, bad, limits.max_row_bytes)
    table = _without_invalid(table, bad)
    return Part(table, first + batch.num_rows - 1, sorted(bad, key=lambda row: row.number))


def _without_large(table: Any, bad: list[Bad], limit: int) -> Any:
    if table.nbytes <= limit:
        return table
    texts = [column for column in table.columns if _is_bytes_or_text(column.type)]
    sizes = pa.chunked_array([pa.nulls(table.num_rows, pa.int64()).fill_null(0)])
    for column in texts:
        sizes = pc.add(sizes, pc.fill_null(pc.binary_length(column), 0))
    large = pc.greater(sizes, limit)
    for number, size, row in zip(*_taken(table, sizes, large), strict=True):
        bad.append(row_too_large(number, size, limit, row))
    return table.filter(pc.invert(large)) if pc.any(large).as_py() else table


def _taken(table: Any, sizes: Any, rows: Any) -> tuple[list[int], list[int], list[bytes]]:
    taken = table.filter(rows)
    return taken[ROW].to_pylist(), sizes.filter(rows).to_pylist(), [row_as_json(row) for row in taken.to_pylist()]


def _is_bytes_or_text(kind: Any) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_string(kind))


def _without_invalid(table: Any, bad: list[Bad]) -> Any:
    """Columns that are still binary are texts with a cell that is no UTF-8."""
    names = [field.name for field in table.schema if pa.types.is_large_binary(field.type)]
    if not names:
        return table
    invalid = [False] * table.num_rows
    for place, row in enumerate(table.to_pylist()):
        name = next((name for name in names if not _is_utf8(row[name])), None)
        if name is not None:
            invalid[place] = True
            detail = f"{name!r} has bytes that are no UTF-8: {row[name][:200]!r}"
            bad.append(Bad(row[ROW], Reason.INVALID_UTF8, detail, row_as_json(row)))
    table = table.filter(pa.array([not row for row in invalid]))
    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.large_string()))
    return table


def _is_utf8(cell: bytes | None) -> bool:
    try:
        return cell is None or cell.decode() is not None
    except UnicodeDecodeError:
        return False
