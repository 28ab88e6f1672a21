"""A page of an answer: its rows, as texts, and what else it says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.json_place import Missing, find, kind_of, value_at
from ingest_sources.http_apis.packed import digest_of

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_AT = re.compile(r"\(byte (\d+)\)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Page:
    """Attributes:
    rows: their texts, as they came.
    document: the answer as a whole; None of one in lines.
    """

    answer: Answer
    rows: Sequence[bytes]
    document: msgspec.Raw | None

    @property
    def digest(self) -> bytes:
        """Of the rows: what is said around them may differ each time."""
        return digest_of(self.rows)

    def value(self, place: str) -> Any:
        """A value of the answer; None where it is not there."""
        return None if self.document is None else value_at(self.document, place)


def page_of(answer: Answer, place: str) -> Page:
    """The rows of an answer.

    Args:
        place: of the array; empty is the answer itself. An object is one row, null is none.

    Raises:
        ConfigurationError: it is no JSON, or has no rows at the place.
    """
    body = answer.body.removeprefix(_BOM)
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == 204 or (not body and not place):
        return Page(answer, (), None)
    if media in _LINES:
        if place:
            raise ConfigurationError(f"the answer is lines of {media}, which are the rows: leave `rows` empty")
        return Page(answer, tuple(line for line in body.split(b"\n") if line.strip()), None)
    try:
        document = msgspec.json.decode(body, type=msgspec.Raw)
        found = find(document, place)
        return Page(answer, tuple(_elements(found, place)), document)
    except Missing as error:
        raise ConfigurationError(f"`rows`: {error}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # Nothing of the body, which may hold rows: an answer that breaks off is one.
        raise ConfigurationError(
            f"{answer.place} answered {answer.status} with what is no JSON: {_why(error)}; it has {len(body):,} bytes, "
            f"and its type is {media or 'not said'}"
        ) from None


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "one of its names is no UTF-8"
    at = _AT.search(str(error))
    return f"an error at byte {int(at[1]):,}" if at else "it breaks off"


def _elements(found: msgspec.Raw, place: str) -> list[bytes]:
    kind = kind_of(found)
    if kind == "an array":
        return [bytes(item) for item in msgspec.json.decode(found, type=list[msgspec.Raw])]
    if kind == "an object":
        return [bytes(found)]
    if kind == "null" and place:
        return []
    where = f"at {place}" if place else "at its top"
    raise Missing(f"the answer has {kind} {where}, where an array of rows is expected")
