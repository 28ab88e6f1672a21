"""What a body of events or items holds: one object, several under a name, or one a line. None of them is read yet."""

from typing import Any, NamedTuple

import msgspec
from starlette.datastructures import Headers

from headrace.interactions.fields import WRONG, words_of
from serve_api.problems import Fault, Problem, invalid

MAX_MANY = 1_000
MAX_BYTES = 1_048_576
_JSON = "application/json"
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class Sent(NamedTuple):
    """Attributes:
    each: the events or items, unread.
    is_many: whether there could have been several.
    user_token: that of the body.
    """

    each: list[msgspec.Raw]
    is_many: bool
    user_token: str | None = None


# A list of a million numbers would be read to its end, in 180 ms, before its length could be seen; a struct with as
# many places as may be refuses the first that is too many.
_MANY = msgspec.defstruct(
    "Many",
    [(f"at_{place}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for place in range(MAX_MANY)],
    array_like=True,
    forbid_unknown_fields=True,
)
_TOO_MANY = f"at most length {MAX_MANY}"


_Decoder = msgspec.json.Decoder[Any]


def _decoder(what: str, *others: tuple[str, Any, Any], is_strict: bool) -> _Decoder:
    fields = [(what, _MANY | None, None), *others]
    return msgspec.json.Decoder(msgspec.defstruct("Body", fields, forbid_unknown_fields=is_strict))


_TOKEN = ("user_token", str | None, None)
_EVENTS, _ONLY_EVENTS = (_decoder("events", _TOKEN, is_strict=strict) for strict in (False, True))
_ITEMS, _ONLY_ITEMS = (_decoder("items", is_strict=strict) for strict in (False, True))


def read_events(body: bytes, headers: Headers) -> Sent:
    """An event, `{"events": [...]}`, or an event a line.

    Raises:
        Problem: it is none of these, or too many.
    """
    return _read(body, headers, "events", _EVENTS, _ONLY_EVENTS)


def read_items(body: bytes, headers: Headers) -> Sent:
    """`{"items": [...]}`, an item, or an item a line.

    Raises:
        Problem: it is none of these, or too many.
    """
    return _read(body, headers, "items", _ITEMS, _ONLY_ITEMS)


def _read(body: bytes, headers: Headers, what: str, lenient: _Decoder, strict: _Decoder) -> Sent:
    if _has_lines(headers):
        return _lines(body, what)
    try:
        if getattr(lenient.decode(body), what) is None:
            return Sent([msgspec.Raw(body)], is_many=False)
        found = strict.decode(body)
    except WRONG as error:
        raise _wrong(error, what) from None
    each = _checked(_listed(getattr(found, what)), what)
    return Sent(each, is_many=True, user_token=getattr(found, "user_token", None))


def check_json(headers: Headers) -> None:
    """Raises:
    Problem: the body isn't said to be JSON. A page of a foreign site can send other types without asking first.
    """
    if headers.get("content-type") == _JSON and "content-encoding" not in headers:
        return
    if _type_of(headers) != _JSON:
        raise _unsupported(f"content-type is not {_JSON}")


def _has_lines(headers: Headers) -> bool:
    if headers.get("content-type") == _JSON and "content-encoding" not in headers:
        return False
    kind = _type_of(headers)
    if kind != _JSON and kind not in _LINES:
        raise _unsupported(f"content-type is none of {', '.join((_JSON, *sorted(_LINES)))}")
    return kind in _LINES


def _type_of(headers: Headers) -> str:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _unsupported("content-encoding: send the body as it is, not packed")
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _lines(body: bytes, what: str) -> Sent:
    # Counted before they are split, since a body of line breaks alone would be a million of them.
    if body.count(b"\n") > 2 * MAX_MANY:
        raise _too_many(what)
    return Sent(_checked([msgspec.Raw(line) for line in body.split(b"\n") if line.strip()], what), is_many=True)


def _checked(each: list[msgspec.Raw], what: str) -> list[msgspec.Raw]:
    if not each:
        raise invalid(Fault(what, "there are none", f"send 1 to {MAX_MANY:,} {what}"))
    if len(each) > MAX_MANY:
        raise _too_many(what)
    return each


def _too_many(what: str) -> Problem:
    return invalid(Fault(what, f"there are over {MAX_MANY:,}", "send those that are more in requests of their own"))


def _listed(many: Any) -> list[msgspec.Raw]:
    return [each for each in msgspec.structs.astuple(many) if each is not msgspec.UNSET]


def _wrong(error: BaseException, what: str) -> Problem:
    if _TOO_MANY in str(error):
        return _too_many(what)
    return invalid(Fault("body", f"it is not as it has to be: {words_of(error)}", "send JSON as /docs describes it"))


def _unsupported(what: str) -> Problem:
    return Problem(415, "unsupported-type", "Unsupported Media Type", f"{what}; send {_JSON}")
