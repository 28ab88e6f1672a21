"""The schema of a source's own topic, derived from its rows: columns are added as they come, and keep their types."""

import polars as pl

from headrace.errors import ConfigurationError
from headrace.records import ColumnType, RowSchema
from ingest_sources.rows import ROW

MAX_COLUMNS = 500
"""Of one topic: each is a column of a table, and a sender could invent them without end."""
MAX_NAME = 200
"""Characters of a column's name: all of them go into one record."""


def new_schema(source: str, topic: str, key: str) -> RowSchema:
    """The schema before the first row."""
    return RowSchema(topic, source, 0, key, {}, 0)


def grown(schema: RowSchema, table: pl.DataFrame, now_us: int) -> RowSchema:
    """The schema with a table's columns; the same object where it has them all.

    Raises:
        ConfigurationError: a column has another type than before, or there would be too many.
    """
    added: dict[str, ColumnType] = {}
    for series in table:
        name, kind = series.name, _kind(series)
        if name == ROW or kind is None:
            continue
        known = schema.columns.get(name)
        if known is None and len(name) > MAX_NAME:
            raise ConfigurationError(f"a column's name has {len(name)} characters and {MAX_NAME} fit: {name[:50]}…")
        if known is None:
            added[name] = kind
        elif known != kind:
            raise ConfigurationError(
                f"column {name} is {kind} here and {known} in {schema.topic} so far: put a `cast` to {known} "
                "among the rules, or rename it"
            )
    if not added:
        return schema
    columns = {**schema.columns, **added}
    if len(columns) > MAX_COLUMNS:
        raise ConfigurationError(
            f"{schema.topic} would have {len(columns)} columns and {MAX_COLUMNS} fit: `keep` those that are wanted"
        )
    return RowSchema(schema.topic, schema.source, schema.version + 1, schema.key, columns, now_us)


def _kind(series: pl.Series) -> ColumnType | None:
    """None where no row has a value: it may be of any type."""
    if series.null_count() == len(series):
        return None
    if series.dtype == pl.Boolean:
        return "boolean"
    return "number" if series.dtype.is_numeric() else "text"
