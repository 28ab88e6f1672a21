"""JSON by RFC 8259 and nothing more."""

import json
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError

_decode = msgspec.json.Decoder().decode


def parse_strict(data: bytes) -> Any:
    """The value of a JSON text in UTF-8. Integers of any size stay integers; of names that are there twice, the last.

    Raises:
        TerminalError: it is none, is cut off, nests too deeply, or has a number that no float64 holds.
    """
    try:
        return _decode(data)
    except UnicodeDecodeError as error:
        raise TerminalError(Reason.INVALID_UTF8, f"a text has bytes that are no UTF-8: {error}") from error
    except RecursionError as error:
        raise TerminalError(Reason.TOO_DEEP, "it nests too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise TerminalError(Reason.MALFORMED_JSON, str(error)) from error


def parse_object(data: bytes) -> dict[str, Any]:
    """As `parse_strict`, for an object in which, at any depth, no name is there twice.

    Raises:
        TerminalError: also for another value, or a name that is there twice.
    """
    value = parse_strict(data)
    if not isinstance(value, dict):
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"it is {_kind(value)}, where an object is expected")
    # Each name and each text has two quotes; if there are no more than those that were parsed, no name was lost. (An
    # escaped quote is one more, then the slow way decides.)
    if data.count(b'"') != _quotes(value):
        _check_names(data)
    return value


def _quotes(value: dict[str, Any] | list[Any]) -> int:
    # This runs for each value of a file, so it is written for speed.
    count = 0
    items: Any = value
    if type(value) is dict:
        count = 2 * len(value)
        items = value.values()
    for item in items:
        kind = type(item)
        if kind is str:
            count += 2
        elif kind is dict or kind is list:
            count += _quotes(item)
    return count


def _check_names(data: bytes) -> None:
    try:
        # Numbers are of no interest, and Python's integers have a limit of digits.
        json.loads(data, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise TerminalError(Reason.TOO_DEEP, "it nests too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise TerminalError(Reason.MALFORMED_JSON, f"the name {twice!r} is there twice in one object")
    return names


def _kind(value: Any) -> str:
    return {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
