"""Where a source is: between two runs, or amid one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ingest_sources.http_apis.http_source import HttpOptions
from ingest_sources.http_apis.marks import Key, Mark
from ingest_sources.http_apis.packed import digest_of, packed

Buckets = Sequence[tuple[Key, str]]
MAX_HASHES = 10_000
"""Of pages that are remembered, the first of a run."""
MAX_TAKEN = 20_000
"""Of rows that are remembered of a page that is delivered in parts."""


class UnderWay(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """A run that was begun.

    Attributes:
        page: the one that is asked for next, as `paging` says; it holds no secrets.
        pages: how many came whole.
        highest: mark so far.
        seen: rows of this run that the next one would get again.
        recent: hashes of its last rows.
        again: hashes of rows that it delivered before it was begun anew, and that did not come again yet.
        is_refused: the API refused the page as soon as it had named it, so that no other run would get it either.
        states: hashes of the pages that were asked for.
        hashes: of the rows of the pages that came; with `incremental`, of the last one alone.
        done: rows of the page that are delivered.
        begin: hash of these.
        taken: hashes of each of them, as far as they fit.
    """

    page: dict[str, Any] = msgspec.field(default_factory=dict)
    pages: int = 0
    highest: Mark | None = None
    seen: list[tuple[Key, str]] = []
    recent: str = ""
    again: str = ""
    is_refused: bool = False
    states: str = ""
    hashes: str = ""
    done: int = 0
    begin: str = ""
    taken: str = ""


class Position(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """Attributes:
    asks: hash of what the source's file asks for; another makes a run that is under way another one.
    row: number of the last row.
    mark: that a run begins with; `marks` is the hash of where it comes from.
    known: rows with that mark, or in the overlap.
    hashes: of the rows of each page of the last run, without `incremental`.
    etag, modified: of the last run's answer, if it was one, to the request with the hash `request`.
    """

    asks: str = ""
    row: int = 0
    mark: Mark | None = None
    marks: str = ""
    known: list[tuple[Key, str]] = []
    hashes: str = ""
    etag: str = ""
    modified: str = ""
    request: str = ""
    run: UnderWay | None = None

    def cursor(self) -> dict[str, Any]:
        """As the ledger holds it."""
        # By way of JSON, so that it equals what the ledger gives back.
        held: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return held


def position_of(cursor: Mapping[str, Any] | None, asks: str, marks: str) -> Position:
    """From the ledger.

    A run that asked for something else is given up, and begun anew from the same mark; marks of another place too.
    """
    position = msgspec.convert(dict(cursor or {}), Position)
    if position.marks != marks:
        position = msgspec.structs.replace(position, mark=None, known=[], marks=marks, run=None)
    if position.asks != asks:
        position = msgspec.structs.replace(position, asks=asks, run=None, hashes="", etag="", modified="", request="")
    return position


def asks_of(options: HttpOptions) -> str:
    """A hash of what a source's file asks for."""
    return _hash(options.model_dump(mode="json", include={"url", "params", "rows", "paging", "incremental"}))


def marks_of(options: HttpOptions) -> str:
    """A hash of where marks come from, and of their kind."""
    if options.incremental is None:
        return ""
    return _hash([options.incremental.place, options.incremental.order().kind])


def _hash(value: Any) -> str:
    return packed([digest_of([msgspec.json.encode(value, order="sorted")])])
