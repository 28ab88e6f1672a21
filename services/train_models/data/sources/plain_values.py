"""Rows of Python's values, as drivers of databases give them, as batches."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError


def batch_of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """A batch of rows; times without a zone are UTC, decimals become numbers, UUIDs and addresses texts.

    Raises:
        ConfigurationError: a column has values of several types, or of one that no model takes.
    """
    columns = []
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        try:
            columns.append(pa.array(list(map(_plain, values))))
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise ConfigurationError(f"column {name!r} can't be one type: {error}") from error
    return pa.RecordBatch.from_arrays(columns, names=list(names))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, float | int | str):
        return value
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID | IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if type(value).__module__ == "cassandra.util":
        return str(value)
    return value
