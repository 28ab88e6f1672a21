"""A run that can't go on, as the API forgot its page: it begins anew, and what it delivered counts."""

import msgspec

from ingest_sources.http_apis.last_rows import MAX_LAST
from ingest_sources.http_apis.marks import Key
from ingest_sources.http_apis.packed import SIZE, packed, unpacked
from ingest_sources.http_apis.position import Position, UnderWay
from ingest_sources.http_apis.seen_rows import MAX_ROWS, SeenRows

_MAX_AGAIN = 2 * MAX_LAST
_UNKNOWN = bytes(SIZE)
"""In place of the hash of a page: it is as no other."""


def begun_anew(position: Position) -> Position:
    """The position before the first page of the run that is under way, with the mark that the run was begun with.

    With `incremental` the rows that the run delivered are known, as far as it remembers them: those that the next run
    would get again, and its last ones. Without, the pages that came are known, as those of a run before.
    """
    run = position.run or UnderWay()
    again = [*unpacked(run.again), *unpacked(run.recent)][-_MAX_AGAIN:]
    return msgspec.structs.replace(
        position, run=UnderWay(again=packed(again)), known=_known(position, run), hashes=_hashes(position, run)
    )


def _known(position: Position, run: UnderWay) -> list[tuple[Key, str]]:
    both = SeenRows(position.known).joined(SeenRows(run.seen))
    # More do not fit into a position; these rows may come again.
    return both.packed() if len(both) <= MAX_ROWS else position.known


def _hashes(position: Position, run: UnderWay) -> str:
    """Of each page as it was delivered last, be it by this run or by the one before."""
    if position.mark is not None or run.highest is not None:
        return position.hashes
    came = list(unpacked(run.hashes))
    before = list(unpacked(position.hashes))[len(came) :]
    if run.done and before:
        before[0] = _UNKNOWN
    return packed([*came, *before])
