"""Reads the fields of an object that somebody sent, one by one, and collects what is wrong with them."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from headrace.instants import parse_instant
from headrace.interactions.fault import FieldFault, Refused
from headrace.interactions.limits import MAX_EACH_BYTES, MAX_FIELDS, MAX_NAME, MAX_TEXT
from headrace.interactions.records import Attribute

_MAX_SHOWN = 60
_SAFE_INTEGER = 2**53
_MAX_FAULTS = 20
_MAX_WORDS = 200
_ANY = msgspec.json.Decoder()
WRONG = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises where JSON is wrong, not UTF-8, or nested too deep."""


class Fields:
    """The fields of one object; null counts as left out.

    Each method reads one field, and gives None where it isn't there or is wrong; `check` then raises what was wrong
    with any.

    Raises:
        Refused: it is no object, or has a field that nobody knows, which would be lost silently.
    """

    def __init__(self, given: object, known: frozenset[str], what: str) -> None:
        if not isinstance(given, Mapping):
            raise Refused([FieldFault(what, f"{shown(given)} is no JSON object", f"send the {what} as an object")])
        self._given = given
        self._faults: list[FieldFault] = []
        if not given.keys() <= known:
            mend = f"leave it out, or use one of {', '.join(sorted(known))}"
            for name in list(given.keys() - known)[:_MAX_FAULTS]:
                self.fault(_name(name), "there is no such field", mend)

    def fault(self, name: str, problem: str, mend: str) -> None:
        """Notes what is wrong with a field."""
        self._faults.append(FieldFault(name, problem, mend))

    def check(self) -> None:
        """Raises:
        Refused: something was wrong.
        """
        if self._faults:
            raise Refused(self._faults[:_MAX_FAULTS])

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return self._given.get(name) is not None

    def raw(self, name: str) -> object:
        """The field as it came."""
        return self._given.get(name)

    def text(self, name: str, most: int) -> str | None:
        """A text that isn't empty; a whole number is taken as one, as databases have them as ids."""
        value = self._given.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
            value = str(value)
        problem = _text_problem(value, most, is_printable=True)
        if problem is None:
            return str(value)
        self.fault(name, problem, f"send a text of 1 to {most} characters without line breaks")
        return None

    def word(self, name: str, most: int) -> str | None:
        """A text of visible ASCII characters, as ids of events are."""
        text = self.text(name, most)
        if text is not None and not (text.isascii() and " " not in text):
            self.fault(name, f"{shown(text)} has a space, or a character beyond ASCII", "send visible ASCII characters")
            return None
        return text

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self._given.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.fault(name, f"{shown(value)} is not true or false", "send true or false")
        return None

    def number(self, name: str, least: float, most: float) -> float | None:
        """A finite number in the range."""
        value = self._given.get(name)
        if value is None:
            return None
        number = _float_of(value)
        if number is None or not least <= number <= most:
            problem = f"{shown(value)} is no number" if number is None else f"{shown(value)} is out of range"
            self.fault(name, problem, f"send a number from {least:g} to {most:g}")
            return None
        return number

    def integer(self, name: str, least: int, most: int) -> int | None:
        """A whole number in the range."""
        value = self._given.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(name, f"{shown(value)} is no whole number from {least} to {most}", "send one")
            return None
        return value

    def instant(self, name: str) -> int | None:
        """A time as microseconds since 1970 UTC."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ValueError(f"{shown(value)} is no time")
            return parse_instant(value[:MAX_TEXT] if isinstance(value, str) else value)
        except ValueError as error:
            self.fault(name, str(error), "send ISO 8601 with a zone, or an epoch number")
            return None

    def attributes(self, name: str) -> dict[str, Attribute]:
        """An object of texts, numbers and booleans."""
        value = self._given.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.fault(name, f"{shown(value)} is no object", "send an object of texts, numbers and booleans")
            return {}
        if len(value) > MAX_FIELDS:
            self.fault(name, f"it has {len(value)} fields", f"send at most {MAX_FIELDS}")
            return {}
        found: dict[str, Attribute] = {}
        for key, each in value.items():
            if each is not None:
                self._attribute(name, key, each, found)
        return found

    def texts(self, name: str, most: int, most_characters: int) -> tuple[str, ...]:
        """A list of texts, each once."""
        value = self._given.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > most:
            problem = (
                f"it has {len(value)} entries" if isinstance(value, list | tuple) else f"{shown(value)} is no list"
            )
            self.fault(name, problem, f"send a list of at most {most} texts")
            return ()
        for at, each in enumerate(value):
            wrong_text = _text_problem(each, most_characters, is_printable=True)
            if wrong_text is not None:
                self.fault(f"{name}.{at}", wrong_text, f"send a text of 1 to {most_characters} characters")
                return ()
        return tuple(dict.fromkeys(value))

    def _attribute(self, name: str, key: object, value: object, into: dict[str, Attribute]) -> None:
        where = f"{name}.{_name(key)}"
        if _text_problem(key, MAX_NAME, is_printable=True) is not None:
            self.fault(where, "that is no name", f"give it a name of 1 to {MAX_NAME} characters without line breaks")
        elif isinstance(value, str):
            problem = _text_problem(value, MAX_TEXT, is_printable=False) if value else None
            if problem is None:
                into[str(key)] = value
            else:
                self.fault(where, problem, _any_text(MAX_TEXT))
        elif isinstance(value, bool):
            into[str(key)] = value
        else:
            number = _float_of(value)
            if number is None:
                self.fault(where, f"{shown(value)} is no text, number or boolean", "send one, or leave it out")
            elif isinstance(value, int) and abs(value) > _SAFE_INTEGER:
                self.fault(where, f"{shown(value)} would be rounded", "send whole numbers above 2^53 as text")
            else:
                into[str(key)] = number


def content_of(raw: msgspec.Raw | bytes, what: str) -> Any:
    """What the JSON of one event or item is.

    Args:
        what: how it is named where it is none.

    Raises:
        Refused: it is no JSON, or too large.
    """
    size = memoryview(raw).nbytes
    if size > MAX_EACH_BYTES:
        raise Refused([FieldFault(what, f"it has {size:,} bytes", f"send at most {MAX_EACH_BYTES:,} bytes for each")])
    try:
        return _ANY.decode(raw)
    except WRONG as error:
        raise Refused([FieldFault(what, f"it is no JSON: {words_of(error)}", "send a JSON object")]) from None


def words_of(error: BaseException) -> str:
    """One of `WRONG` in words, of which only msgspec's own are known to show nothing of what was sent."""
    is_plain = isinstance(error, msgspec.MsgspecError)
    return str(error)[:_MAX_WORDS] if is_plain else "it is not UTF-8, or nested too deep"


def shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    if isinstance(value, str):
        value = value[:_MAX_SHOWN]
    elif isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    elif isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return "that large a number"
    return repr(value)[: _MAX_SHOWN + 2]


def _name(value: object) -> str:
    return shown(value).strip("'")


def _any_text(most: int) -> str:
    return f"send a text of at most {most} characters"


def _text_problem(value: object, most: int, is_printable: bool) -> str | None:
    if not isinstance(value, str):
        return f"{shown(value)} is no text"
    if not 0 < len(value) <= most:
        return f"it has {len(value)} characters" if value else "it is empty"
    if value.isascii() and value.isprintable():
        return None
    if is_printable and not value.isprintable():
        return f"{shown(value)} has characters that can't be shown"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "it has half of a surrogate pair"
    return None


def _float_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
