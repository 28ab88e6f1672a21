"""Batches of rows brought to one form: six types of columns, and blocks of a fixed number of rows."""

from collections.abc import Iterable, Iterator

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError

BLOCK_ROWS = 65_536
TEXT, NUMBER, INTEGER, BOOLEAN = pa.string(), pa.float64(), pa.int64(), pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
NOTHING = pa.null()
"""A column that has no value so far."""


def normalised_type(name: str, kind: pa.DataType) -> pa.DataType:
    """The type that a column has in a snapshot.

    Raises:
        ConfigurationError: it is nested or of bytes.
    """
    if pa.types.is_dictionary(kind):
        return normalised_type(name, kind.value_type)
    for is_kind, normal in _NORMAL:
        if is_kind(kind):
            return normal
    raise ConfigurationError(f"column {name!r} is of type {kind}, which no model takes: leave it out by `columns`")


def normalised(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with the types of snapshots; a time without a zone is UTC, and a NaN is a missing value.

    Raises:
        ConfigurationError: a column can't be had so.
    """
    return pa.RecordBatch.from_arrays(
        [_normalised(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)],
        names=batch.schema.names,
    )


def in_blocks(batches: Iterable[pa.RecordBatch], rows: int = BLOCK_ROWS) -> Iterator[pa.Table]:
    """The same rows in blocks of so many, not copied; only the last may have fewer."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, rows)
            waiting, count = table.slice(rows).to_batches(), count - rows
    if count:
        yield pa.Table.from_batches(waiting)


def _normalised(name: str, column: pa.Array) -> pa.Array:
    kind = normalised_type(name, column.type)
    try:
        if column.type != kind:
            # A time finer than a microsecond loses what is below it.
            column = pc.cast(column, kind, safe=not pa.types.is_timestamp(kind))
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"column {name!r} can't be read as {kind}: {error}") from error
    if kind == NUMBER:
        return pc.if_else(pc.is_nan(column), None, column)
    return column


_NORMAL = (
    (pa.types.is_null, NOTHING),
    (pa.types.is_boolean, BOOLEAN),
    (pa.types.is_integer, INTEGER),
    (pa.types.is_floating, NUMBER),
    (pa.types.is_decimal, NUMBER),
    (pa.types.is_string, TEXT),
    (pa.types.is_large_string, TEXT),
    (pa.types.is_string_view, TEXT),
    (pa.types.is_timestamp, TIME),
    (pa.types.is_date, TIME),
)
