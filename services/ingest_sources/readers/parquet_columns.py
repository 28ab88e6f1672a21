"""Parquet's types as the few that rules know: integers, floats, booleans and text."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.types as types  # type: ignore[import-untyped]

from ingest_sources.readers.parts import ROW
from ingest_sources.readers.refusal import unreadable

_ISO = "%Y-%m-%dT%H:%M:%S"
Array = Any
"""A `pyarrow.Array`, which ships no types."""


def flat_columns(batch: Any) -> dict[str, Array]:
    """The batch's columns in the file's order; fields of a struct get dotted names.

    Times with a zone become int64 microseconds UTC, without one ISO text; decimals, dates and durations text; lists
    and maps JSON text; binary values text where they are UTF-8, base64 where not.

    Raises:
        FileRefused: two columns have one name.
    """
    columns: dict[str, Array] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        _add(columns, name, array)
    return columns


def _add(columns: dict[str, Array], name: str, array: Array) -> None:
    array = _plain(array)
    if types.is_struct(array.type) and array.type.num_fields:
        for field, child in zip(array.type, array.flatten(), strict=True):
            _add(columns, f"{name}.{field.name}", child)
    elif name in columns:
        raise unreadable(f"it has two columns {name!r}")
    else:
        columns[name] = _converted(array)


def _plain(array: Array) -> Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if types.is_dictionary(array.type) else array


def _converted(array: Array) -> Array:
    convert = next((convert for fits, convert in _CONVERSIONS if fits(array.type)), _json)
    return convert(array)


def _as_text(array: Array) -> Array:
    return array.cast(pa.string())


def _time(array: Array) -> Array:
    if array.type.tz is None:
        return pc.strftime(array, format=_ISO)
    return array.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())


def _text(array: Array) -> Array:
    """Binary, as some cells may be no UTF-8: Parquet only says that they are."""
    try:
        return array.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return array.cast(pa.large_binary())


def _binary(array: Array) -> Array:
    array = array.cast(pa.large_binary())
    try:
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([None if cell is None else bytes_text(cell) for cell in array.to_pylist()], pa.large_string())


def bytes_text(cell: bytes) -> str:
    """The bytes as text if they are UTF-8, otherwise as base64."""
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return base64.b64encode(cell).decode()


def _json(array: Array) -> Array:
    texts = [None if value is None else _to_json(jsonable(value)).decode() for value in _values(array)]
    return pa.array(texts, pa.large_string())


def _values(array: Array) -> list[Any]:
    return array.to_pylist(maps_as_pydicts=None)  # type: ignore[no-any-return]


def jsonable(value: Any) -> Any:
    """Bytes as text, pairs of a map as an object where its keys are text."""
    if isinstance(value, bytes):
        return bytes_text(value)
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [jsonable(item) for item in value]
        pairs = bool(items) and all(isinstance(item, tuple) and isinstance(item[0], str) for item in items)
        return dict(items) if pairs and len(dict(items)) == len(items) else items
    if isinstance(value, tuple):
        return tuple(jsonable(item) for item in value)
    return value


_to_json = msgspec.json.Encoder(enc_hook=str).encode


def row_as_json(row: dict[str, Any]) -> bytes:
    """A row's cells as the original of a dead letter."""
    return _to_json({name: jsonable(value) for name, value in row.items() if name != ROW})


def _is_whole(kind: Any) -> bool:
    return bool(types.is_signed_integer(kind) or (types.is_unsigned_integer(kind) and kind.bit_width < 64))


def _is_bytes(kind: Any) -> bool:
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def _is_text(kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _same(array: Array) -> Array:
    return array


_CONVERSIONS: list[tuple[Callable[[Any], bool], Callable[[Array], Array]]] = [
    (_is_whole, lambda array: array.cast(pa.int64())),
    (types.is_float16, lambda array: array.cast(pa.float32())),
    # Over int64 there is uint64 alone; as float it would lose digits.
    (lambda kind: bool(types.is_boolean(kind) or types.is_floating(kind) or types.is_uint64(kind)), _same),
    (_is_text, _text),
    (_is_bytes, _binary),
    (types.is_timestamp, _time),
    (types.is_null, _as_text),
    (types.is_decimal, _as_text),
    (types.is_date, _as_text),
    (types.is_time, _as_text),
    (types.is_duration, lambda array: array.cast(pa.int64()).cast(pa.string())),
]
