"""Avro's types as the few that rules know, by the schema: each part of a file has the same columns."""

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
from fastavro.read import LOGICAL_READERS

from headrace.errors import Reason
from ingest_sources.readers.json_columns import MAX_DEPTH
from ingest_sources.readers.parquet_columns import bytes_text, jsonable
from ingest_sources.readers.refusal import FileRefused, unreadable

_to_json = msgspec.json.Encoder().encode
_MAX_SCALE = 1000
_DIGITS = decimal.Context(prec=10_000, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
_Named = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Column:
    """Attributes:
    path: the names of the fields that lead to it.
    kind: pyarrow's type.
    convert: makes the cell of a value that is not null.
    """

    path: tuple[str, ...]
    kind: Any
    convert: Callable[[Any], Any]

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def cell(self, record: dict[str, Any]) -> Any:
        value: Any = record
        for name in self.path:
            if value is None:
                return None
            value = value[name]
        return None if value is None else self.convert(value)


def columns_of_schema(schema: Any) -> list[Column]:
    """The columns of a parsed schema; fields of nested records, also of those that may be null, get dotted names.

    A record inside of itself is JSON text, as arrays and maps are. A union of several types is text.

    Raises:
        FileRefused: its values are no records, it has no fields, nests too deeply, or has two columns of one name.
    """
    if not isinstance(schema, dict) or schema.get("type") not in ("record", "error"):
        raise unreadable("its values are no records, so they are no rows")
    columns = list(_fields(schema, (), {}))
    names = [column.name for column in columns]
    if not columns or len(set(names)) < len(names):
        raise unreadable("its schema has two fields of one name" if columns else "its records have no fields")
    return columns


def _fields(record: dict[str, Any], path: tuple[str, ...], named: _Named) -> Iterator[Column]:
    if len(path) >= MAX_DEPTH:
        raise FileRefused(Reason.TOO_DEEP, f"records nest deeper than {MAX_DEPTH} levels")
    named[record["name"]] = record
    for field in record["fields"]:
        yield from _columns(field["type"], (*path, field["name"]), named, (record["name"],))


def _columns(schema: Any, path: tuple[str, ...], named: _Named, inside: tuple[str, ...]) -> Iterator[Column]:
    kinds = [kind for kind in schema if kind != "null"] if isinstance(schema, list) else [schema]
    if len(kinds) > 1:
        for kind in kinds:
            _remember(kind, named)
        yield Column(path, pa.large_string(), _text)
        return
    kind = kinds[0] if kinds else "null"
    _remember(kind, named)
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    name = kind["type"] if isinstance(kind, dict) else kind
    if name in ("record", "error") and kind["name"] not in inside:
        if len(path) >= MAX_DEPTH:
            raise FileRefused(Reason.TOO_DEEP, f"records nest deeper than {MAX_DEPTH} levels")
        for field in kind["fields"]:
            yield from _columns(field["type"], (*path, field["name"]), named, (*inside, kind["name"]))
        return
    logical = kind.get("logicalType") if isinstance(kind, dict) else None
    yield Column(path, *(_TEXT if f"{name}-{logical}" in _TEXTS else _CELLS.get(name, _JSON)))


def _remember(schema: Any, named: _Named) -> None:
    """Types that are named here may be referred to later; records do this for those in them as well."""
    if isinstance(schema, list):
        for kind in schema:
            _remember(kind, named)
    if not isinstance(schema, dict) or schema.get("name") in named:
        return
    if "name" in schema:
        named[schema["name"]] = schema
    for field in schema.get("fields", ()):
        _remember(field["type"], named)
    _remember(schema.get("items"), named)
    _remember(schema.get("values"), named)
    if isinstance(schema["type"], dict | list):
        _remember(schema["type"], named)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _checked(value)
    return bytes_text(value) if isinstance(value, bytes) else _json(value)


def _json(value: Any) -> str:
    return _to_json(jsonable(value)).decode()


def _checked(value: str) -> str:
    """Raises UnicodeEncodeError: bytes that are no UTF-8 were kept as half characters."""
    if not value.isascii():
        value.encode()
    return value


def _same(value: Any) -> Any:
    return value


_TEXT = (pa.large_string(), _text)
_JSON = (pa.large_string(), _json)
_CELLS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "null": _TEXT,
    "boolean": (pa.bool_(), _same),
    "int": (pa.int64(), _same),
    "long": (pa.int64(), _same),
    "float": (pa.float32(), _same),
    "double": (pa.float64(), _same),
    "bytes": _TEXT,
    "string": _TEXT,
    "fixed": _TEXT,
    "enum": _TEXT,
}


def _in_calendar(make: Callable[[int], str]) -> Callable[[int], int | str]:
    """What is out of Python's years, 1 to 9999, stays a number, as text."""

    def read(value: int) -> str:
        try:
            return make(value)
        except (OverflowError, ValueError):
            return str(value)

    return read


_EPOCH = dt.datetime(1970, 1, 1)


def _local(micros: int) -> str:
    return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat(timespec="microseconds")


def _time_of_day(micros: int) -> str:
    if not 0 <= micros < 86_400_000_000:
        raise ValueError
    return (_EPOCH + dt.timedelta(microseconds=micros)).time().isoformat(timespec="microseconds")


def _decimal(data: bytes, schema: dict[str, Any]) -> str:
    scale = schema.get("scale", 0)
    if not isinstance(scale, int) or not 0 <= scale <= _MAX_SCALE:
        raise ValueError(f"a decimal has the scale {scale!r}")
    unscaled = decimal.Decimal(int.from_bytes(data, "big", signed=True))
    return format(unscaled.scaleb(-scale, _DIGITS), "f")


def _duration(data: bytes) -> str:
    months, days, millis = (int.from_bytes(data[place : place + 4], "little") for place in (0, 4, 8))
    return f"P{months}M{days}DT{millis // 1000}.{millis % 1000:03}S"


_Read = Callable[[Any, dict[str, Any]], Any]
_LOGICAL: dict[str, _Read] = {
    "long-timestamp-millis": lambda value, _: value * 1000,
    "long-timestamp-micros": lambda value, _: value,
    "long-timestamp-nanos": lambda value, _: value // 1000,
    "long-local-timestamp-millis": lambda value, _: _in_calendar(_local)(value * 1000),
    "long-local-timestamp-micros": lambda value, _: _in_calendar(_local)(value),
    "long-local-timestamp-nanos": lambda value, _: _in_calendar(_local)(value // 1000),
    "int-date": lambda value, _: _in_calendar(lambda days: (_EPOCH + dt.timedelta(days)).date().isoformat())(value),
    "int-time-millis": lambda value, _: _in_calendar(_time_of_day)(value * 1000),
    "long-time-micros": lambda value, _: _in_calendar(_time_of_day)(value),
    "bytes-decimal": _decimal,
    "fixed-decimal": _decimal,
    "fixed-duration": lambda value, _: _duration(value),
    "string-uuid": lambda value, _: value,
    "fixed-uuid": lambda value, _: str(uuid.UUID(bytes=value)),
}
_TEXTS = frozenset(name for name in _LOGICAL if not name.startswith("long-timestamp"))


def use_own_logical_types() -> None:
    """For all that fastavro reads in this process from now on.

    Its own readers fail at years that Python has not, and then the place of the next record is lost.
    """
    for name, read in _LOGICAL.items():
        LOGICAL_READERS[name] = _for_fastavro(read)


def _for_fastavro(read: _Read) -> Callable[..., Any]:
    return lambda value, schema=None, _=None: read(value, schema or {})
