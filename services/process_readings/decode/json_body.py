"""Reads JSON so that nothing is lost unseen: depth, repeated names and numbers that are not finite are found.

A body deeper than `MAX_DEPTH` is refused. A name that occurs twice in one object is refused, since every parser keeps
just one of them. `nan` and `inf`, which C's `printf` writes into the JSON of many devices, are read as what they are.
"""

import json
import re
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError

MAX_DEPTH = 32
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode
_NAME_END = re.compile(rb'"[ \t\r\n]*:')
# A string matches first, whole or cut off, so that words in it stay and each byte is looked at once.
_STRING_OR_WORD = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|(-?)(?:(nan)|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL)


def parse_json(value: bytes) -> Any:
    """The body as dict, list, str, float, int, bool or None.

    Raises:
        TerminalError: it is not JSON, not UTF-8, too deep, or says one name twice.
    """
    try:
        body = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if value.startswith(_BOM):
            return parse_json(value[3:])
        return _parse_with_words(_text(value), error)
    except RecursionError as error:
        raise _too_deep() from error
    names = _count_names(body, 1)
    # Each name ends in a colon; texts may hold more of them, and what looks like the end of a name.
    if value.count(b":") != names and len(_NAME_END.findall(value)) != names:
        _refuse_repeated_names(value)
    return body


def parse_object(value: bytes) -> dict[str, Any]:
    """The body as an object.

    Raises:
        TerminalError: as `parse_json`, or it is something else.
    """
    return as_object(parse_json(value))


def as_object(body: Any) -> dict[str, Any]:
    """What was parsed, if it is an object.

    Raises:
        TerminalError: it is something else.
    """
    if body.__class__ is not dict:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"an object is expected, not {str(body)[:80]!r}")
    found: dict[str, Any] = body
    return found


def utf8(value: bytes) -> str:
    """The body as text.

    Raises:
        TerminalError: it is not UTF-8.
    """
    return _text(value[3:] if value.startswith(_BOM) else value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise TerminalError(Reason.INVALID_UTF8, str(error)) from error


def _parse_with_words(text: str, error: Exception) -> Any:
    if not text.lstrip():
        raise TerminalError(Reason.EMPTY_BODY, "the payload is a byte order mark alone")
    if text.lstrip()[0] not in "{[":
        raise TerminalError(Reason.MALFORMED_JSON, str(error)) from error
    strict = _STRING_OR_WORD.sub(lambda word: word[0] if word[0][0] == '"' else "null", text)
    if strict == text:
        raise TerminalError(Reason.MALFORMED_JSON, str(error)) from error
    # The strict parser judges all but the words; only then is the lenient one, which takes lone surrogates, asked.
    parse_json(strict.encode())
    return json.loads(_STRING_OR_WORD.sub(_as_python_writes_it, text))


def _as_python_writes_it(word: re.Match[str]) -> str:
    if word[0][0] == '"':
        return word[0]
    return "NaN" if word[2] else f"{word[1]}Infinity"


def _count_names(body: Any, depth: int) -> int:
    kind = body.__class__
    if kind is not dict and kind is not list:
        return 0
    if depth > MAX_DEPTH:
        raise _too_deep()
    names = len(body) if kind is dict else 0
    for member in body.values() if kind is dict else body:
        kind = member.__class__
        if kind is dict or kind is list:
            names += _count_names(member, depth + 1)
    return names


def _refuse_repeated_names(value: bytes) -> None:
    # Whole numbers of more than 4,300 digits would be refused by `int`; their value does not matter here.
    json.loads(value, object_pairs_hook=_refuse_repeated_name, parse_int=float)


def _refuse_repeated_name(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise TerminalError(Reason.UNEXPECTED_SHAPE, f"the name {name[:80]!r} occurs twice in one object")
        seen.add(name)


def _too_deep() -> TerminalError:
    return TerminalError(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH}")
