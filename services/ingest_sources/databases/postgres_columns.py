"""What PostgreSQL is asked for, so that each type comes exactly: PostgreSQL itself turns into text what is no number.

A driver's own types have no infinite time, no year 10000, no 24:00 and no months of an interval.
"""

from typing import Any

from sqlalchemy import BigInteger, Text, and_, case, cast, extract, func, literal
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType

from ingest_sources.databases.column_kinds import Kind

_INFINITE_US = (1 << 63) - 1
"""What PostgreSQL itself holds for `infinity`."""
_NATIVE = (Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER, Kind.SMALL_NUMBER, Kind.TEXT)
Column = ColumnElement[Any]


def cell_of(column: Column, kind: Kind) -> Column:
    """What a cell is read by: times as microseconds UTC or ISO text, lists as JSON, bytes as hexadecimal digits."""
    if kind in _NATIVE:
        return column
    special = {Kind.TIME: _time, Kind.LOCAL_TIME: _local_time, Kind.LIST: _list, Kind.BYTES: _bytes}.get(kind)
    return special(column) if special else cast(column, Text)


def key_of(column: Column, kind: Kind) -> Column:
    """What a key's value is read by: a text that PostgreSQL reads back as the same value."""
    return column if kind in _NATIVE else cast(column, Text)


def literal_of(value: Any) -> Column:
    """A key's value, whose type PostgreSQL takes from the column that it stands beside."""
    return literal(str(value), NullType())


def _time(column: Column) -> Column:
    us = cast(extract("epoch", column) * literal(1_000_000, NullType()), BigInteger)
    return case(
        (func.isfinite(column), us),
        (column == literal_of("infinity"), literal(_INFINITE_US, NullType())),
        (column == literal_of("-infinity"), literal(-_INFINITE_US - 1, NullType())),
    )


def _local_time(column: Column) -> Column:
    # to_char has no sign for years before Christ.
    is_usual = and_(func.isfinite(column), column >= literal_of("0001-01-01"))
    return case((is_usual, func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS.US')), else_=cast(column, Text))


def _list(column: Column) -> Column:
    return cast(func.to_json(column), Text)


def _bytes(column: Column) -> Column:
    return func.encode(column, "hex")
