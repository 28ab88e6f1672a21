"""Headrace's own records as columns: one per field; a field that holds several values becomes several or one text."""

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from headrace.records import SCHEMAS, Origin, Reading
from train_models.data.blocks import BOOLEAN, INTEGER, NUMBER, TEXT, TIME

_TIMES = frozenset(
    [
        "time",
        "received",
        "device_time",
        "start",
        "last_time",
        "first_seen",
        "updated",
        "made",
        "event_time",
        "due",
        "observed",
    ]
)
_VALUES = ("number", "integer", "boolean", "text")
_PLAIN: dict[Any, pa.DataType] = {str: TEXT, int: INTEGER, float: NUMBER, bool: BOOLEAN}


Values = list[Any]


@dataclass(frozen=True)
class _Column:
    """One column; `values` makes those of many records at once, as a call per record and column costs most of all."""

    name: str
    kind: pa.DataType
    values: Callable[[Sequence[Any]], Values]


class RecordColumns:
    """Decodes the values of records of one schema and makes columns of them.

    A reading's number, integer or boolean is `value`, a number; its text stays `text`. The origin's fields are
    `origin_topic` and so on, flags are one text with commas, other nested fields are JSON.

    Args:
        wanted: columns to make; all where none is named.

    Raises:
        ConfigurationError: a wanted column is not among them.
    """

    def __init__(self, schema: str, wanted: Sequence[str] = ()) -> None:
        self.name = schema
        self._decode = msgspec.json.Decoder(SCHEMAS[schema]).decode
        found = {column.name: column for column in _columns(SCHEMAS[schema])}
        if missing := [name for name in wanted if name not in found]:
            raise ConfigurationError(f"{schema} has no column {', '.join(missing)}; there are {', '.join(found)}")
        self._columns = [found[name] for name in wanted] if wanted else list(found.values())

    def reads(self, schema: str) -> bool:
        """Whether records whose header names it are of this schema."""
        return schema == self.name

    def decode(self, values: Sequence[bytes | None]) -> tuple[list[Any], list[int], list[str]]:
        """The records, the places of those that are none, and why."""
        return decode_all(self._decode, values)

    def batch(self, records: Sequence[Any]) -> pa.RecordBatch:
        """One row per record."""
        arrays = [pa.array(column.values(records), column.kind) for column in self._columns]
        return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self._columns])


def decode_all(decode: Callable[[Any], Any], values: Sequence[bytes | None]) -> tuple[list[Any], list[int], list[str]]:
    """Decodes as many as there are; a broken one costs itself alone."""
    records: list[Any] = []
    broken: list[int] = []
    reasons: list[str] = []
    decoding = map(decode, values)
    while len(records) + len(broken) < len(values):
        try:
            records.extend(decoding)
        except (ValueError, TypeError, RecursionError) as error:
            broken.append(len(records) + len(broken))
            reasons.append(str(error))
    return records, broken, reasons


def _columns(struct: type[msgspec.Struct]) -> list[_Column]:
    found = []
    for field in msgspec.structs.fields(struct):
        if struct is Reading and field.name in _VALUES[:3]:
            if field.name == _VALUES[0]:
                found.append(_Column("value", NUMBER, _values))
        elif field.type is Origin:
            found += _of_origin(field.name)
        else:
            found.append(_of_field(field.name, field.type))
    return found


def _of_field(name: str, annotation: Any) -> _Column:
    kinds = _alternatives(annotation)
    if name in _TIMES:
        return _Column(name, TIME, _plain(name))
    if len(kinds) == 1 and (kind := _PLAIN.get(next(iter(kinds)))) is not None:
        return _Column(name, kind, _plain(name))
    if kinds == {float, bool}:
        return _Column(name, NUMBER, _each(name, lambda value: None if value is None else float(value)))
    if kinds == {tuple}:
        return _Column(name, TEXT, _each(name, ",".join))
    return _Column(name, TEXT, _each(name, lambda value: msgspec.json.encode(value, order="deterministic").decode()))


def _plain(name: str) -> Callable[[Sequence[Any]], Values]:
    get = attrgetter(name)
    return lambda records: list(map(get, records))


def _each(name: str, make: Callable[[Any], Any]) -> Callable[[Sequence[Any]], Values]:
    get = attrgetter(name)
    return lambda records: list(map(make, map(get, records)))


def _of_origin(name: str) -> list[_Column]:
    parts = msgspec.structs.fields(Origin)
    return [_Column(f"{name}_{part.name}", _PLAIN[part.type], _plain(f"{name}.{part.name}")) for part in parts]


def _alternatives(annotation: Any) -> set[Any]:
    """The plain types that a field may have, besides none."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return {kind for part in get_args(annotation) if part is not type(None) for kind in _alternatives(part)}
    if origin is Literal:
        return {str}
    return {origin or annotation}


def _values(readings: Sequence[Reading]) -> Values:
    numbers: Values = [reading.number for reading in readings]
    if None not in numbers:
        return numbers
    return [_value(reading) if number is None else number for number, reading in zip(numbers, readings, strict=True)]


def _value(reading: Reading) -> float | None:
    value = reading.boolean if reading.integer is None else reading.integer
    return None if value is None else float(value)
