"""Objects as columns: nested ones with dotted names, lists as JSON text."""

from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import Reason, TerminalError

MAX_DEPTH = 32
"""Of objects that become columns."""
_EXACT = 1 << 53
_NESTED = frozenset((dict, list))
_to_json = msgspec.json.Encoder().encode


def flatten(value: dict[str, Any]) -> dict[str, Any]:
    """The object's values by dotted names.

    Raises:
        TerminalError: two values have one dotted name, or objects nest deeper than `MAX_DEPTH`.
    """
    if _NESTED.isdisjoint(map(type, value.values())):
        return value
    flat: dict[str, Any] = {}
    _flatten(value, "", 1, flat)
    return flat


def _flatten(value: dict[str, Any], prefix: str, depth: int, flat: dict[str, Any]) -> None:
    if depth > MAX_DEPTH:
        raise TerminalError(Reason.TOO_DEEP, f"objects nest deeper than {MAX_DEPTH} levels")
    for key, item in value.items():
        name = prefix + key
        if isinstance(item, dict) and item:
            _flatten(item, f"{name}.", depth + 1, flat)
        elif name in flat:
            raise TerminalError(Reason.UNEXPECTED_SHAPE, f"two values would have the column {name!r}")
        else:
            flat[name] = _to_json(item).decode() if isinstance(item, dict | list) else item


def names_of(rows: list[dict[str, Any]]) -> list[str]:
    """All names in the order in which they come first."""
    names: dict[str, Any] = {}
    for row in rows:
        names.update(row)
    return list(names)


def columns_of(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """A pyarrow array by name; where a row does not have the name, it is empty."""
    return {name: _array([row.get(name) for row in rows]) for name in names}


def _array(values: list[Any]) -> Any:
    """Of the values' own type if they have one, otherwise of text; whole and other numbers together are float64 where
    that is exact."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int} and all(value is None or -(1 << 63) <= value < 1 << 63 for value in values):
        return pa.array(values, pa.int64())
    if kinds == {str}:
        return pa.array(values, pa.string())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds and kinds <= {int, float} and float in kinds and _all_exact(values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _all_exact(values: list[Any]) -> bool:
    return all(abs(value) <= _EXACT for value in values if type(value) is int)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _to_json(value).decode()
