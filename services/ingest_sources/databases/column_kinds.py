"""What a database's types are to Headrace."""

from enum import StrEnum
from typing import Any

from sqlalchemy import types
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine


class Kind(StrEnum):
    """A kind of column; those that become texts are told apart, since rules may rely on what is in the text."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    SMALL_NUMBER = "small number"
    DECIMAL = "decimal"
    TEXT = "text"
    TIME = "time with zone"
    LOCAL_TIME = "time without zone"
    DATE = "date"
    CLOCK = "time of day"
    DURATION = "duration"
    BYTES = "bytes"
    JSON = "JSON"
    LIST = "list"
    UUID = "UUID"
    OTHER = "other"


TIMES = (Kind.TIME, Kind.LOCAL_TIME, Kind.DATE)
"""Those that a clock can be compared with."""

# In this order: a type of the left may derive from one further down.
_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (types.Boolean, Kind.BOOLEAN),
    (types.REAL, Kind.SMALL_NUMBER),
    (types.Float, Kind.NUMBER),
    (types.Numeric, Kind.DECIMAL),
    (types.Integer, Kind.INTEGER),
    (postgresql.OID, Kind.INTEGER),
    (types.DateTime, Kind.LOCAL_TIME),
    (types.Date, Kind.DATE),
    (types.Time, Kind.CLOCK),
    (types.Interval, Kind.DURATION),
    (postgresql.INTERVAL, Kind.DURATION),
    (types.JSON, Kind.JSON),
    (types.ARRAY, Kind.LIST),
    (types.Uuid, Kind.UUID),
    (types.LargeBinary, Kind.BYTES),
    (types.Enum, Kind.TEXT),
    (types.String, Kind.TEXT),
)


def kind_of(type_: TypeEngine[Any]) -> Kind:
    """The kind of a type as SQLAlchemy's inspector gives it."""
    if isinstance(type_, postgresql.DOMAIN):
        return kind_of(type_.data_type)
    if isinstance(type_, types.DateTime) and type_.timezone:
        return Kind.TIME
    return next((kind for known, kind in _KINDS if isinstance(type_, known)), Kind.OTHER)
