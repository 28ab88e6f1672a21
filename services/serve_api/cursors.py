"""Opaque cursors: where a page ended, tied to the query that it belongs to.

A cursor holds the last row's position, not a count of rows, so that pages stay true while rows are inserted; and the
time range as it was resolved for the first page, so that "until now" does not move from page to page.
"""

import base64
import hashlib

import msgspec

from serve_api.problems import Fault, invalid
from serve_api.scan import Position

_MEND = "pass `next` of the page before, unchanged, with the same other parameters; or start again without cursor"


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended.

    Attributes:
        query: digest of the parameters that must stay the same.
        start, end: the range as resolved for the first page, microseconds.
        position: sort key of the last row that was read.
    """

    query: str
    start: int
    end: int
    position: Position


def digest(*parameters: object) -> str:
    """A short digest of the parameters that select and order rows."""
    return hashlib.blake2b(repr(parameters).encode(), digest_size=6).hexdigest()


def write(cursor: Cursor) -> str:
    """A cursor as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def read(text: str, query: str, shape: tuple[type, ...]) -> Cursor:
    """Reads a cursor of a query whose positions have this shape, such as `(int, str)`.

    Raises:
        Problem: it is not one of ours, or belongs to another query.
    """
    try:
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (ValueError, msgspec.MsgspecError):
        raise invalid(Fault("cursor", "it is not a cursor of this API", _MEND)) from None
    if cursor.query != query or tuple(type(part) for part in cursor.position) != shape:
        raise invalid(Fault("cursor", "it belongs to a query with other parameters", _MEND))
    return cursor
