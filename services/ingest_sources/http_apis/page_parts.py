"""A page's rows in parts, each with the position after it."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import polars as pl

from headrace.errors import TerminalError
from ingest_sources.feeds.feed import Section
from ingest_sources.feeds.message_rows import json_rows
from ingest_sources.http_apis.increments import Increments
from ingest_sources.http_apis.packed import SIZE, digest_of, packed, unpacked
from ingest_sources.http_apis.page import Page
from ingest_sources.http_apis.paging import State
from ingest_sources.http_apis.position import MAX_HASHES, MAX_TAKEN, Position, UnderWay
from ingest_sources.readers.json_strict import parse_object
from ingest_sources.rows import ROW, BadRow, Rows

PART_BYTES = 4 << 20
_MAX_VALIDATOR = 1_024
Part = tuple[tuple[Section, ...], Position]
log = logging.getLogger(__name__)


class PageParts:
    """Delivers the pages of one run.

    Args:
        place: as sections name it.
        increments: None without `incremental`.
    """

    def __init__(self, place: str, batch_rows: int, increments: Increments | None) -> None:
        self._place = place
        self._batch_rows = batch_rows
        self._increments = increments

    def parts(self, page: Page, position: Position, run: UnderWay, after: State | None, request: str) -> Iterator[Part]:
        """What is left of a page to deliver, at least one part; it may have no rows.

        Args:
            after: the next page's state; None: this was the last.
            request: hash of the page's request.

        Raises:
            ConfigurationError: more rows must be remembered than a position can hold.
        """
        begin, left = self._begin(page, position, run)
        done, taken = run.done, list(unpacked(run.taken))
        while True:
            batch = left[: _in_part(left, self._batch_rows)]
            left = left[len(batch) :]
            sections = self._sections(batch, position.row)
            position = msgspec.structs.replace(position, row=position.row + _count(sections))
            if not left and (after is not None or not sections):
                yield sections, self._after_page(page, position, run, after, request)
                return
            done += len(batch)
            _add(begin, batch)
            taken = [*taken, *map(_digest, batch)] if done <= MAX_TAKEN else []
            amid = msgspec.structs.replace(
                run, done=done, begin=begin.hexdigest(), taken=packed(taken), is_refused=False
            )
            position = msgspec.structs.replace(position, run=self._noted(amid))
            yield sections, position
            if not left:
                # Apart from the last rows: the end of a run is delivered by itself.
                yield (), self._after_page(page, position, run, after, request)
                return

    def _begin(self, page: Page, position: Position, run: UnderWay) -> tuple["hashlib._Hash", Sequence[bytes]]:
        """The hash of the rows that are delivered, and those that are not yet."""
        begin = hashlib.sha256()
        _add(begin, page.rows[: run.done])
        if not run.done:
            return begin, () if self._is_unchanged(page, position, run) else page.rows
        if begin.hexdigest() == run.begin:
            return begin, page.rows[run.done :]
        # What is delivered from now on is no beginning of the page.
        begin.update(b"changed")
        taken = Counter(unpacked(run.taken))
        if not taken:
            log.warning(
                "a page changed while it was delivered and is too large to know its rows: they come again",
                extra={"place": self._place, "rows": run.done},
            )
        return begin, [element for element in page.rows if not _is_taken(taken, _digest(element))]

    def _is_unchanged(self, page: Page, position: Position, run: UnderWay) -> bool:
        """Whether the run before had the same rows on this page; with marks, each row is known by itself."""
        start = run.pages * SIZE
        return self._increments is None and page.digest == b"".join(unpacked(position.hashes))[start : start + SIZE]

    def _sections(self, elements: Sequence[bytes], row: int) -> tuple[Section, ...]:
        good: list[tuple[int, bytes]] = []
        bad: list[BadRow] = []
        for element in elements:
            try:
                if self._is_new(element):
                    row += 1
                    good.append((row, element))
            except TerminalError as error:
                row += 1
                bad.append(BadRow(row, error.reason, error.detail, element))
        rows = json_rows(good)
        if bad:
            rows.append(Rows(pl.DataFrame(schema={ROW: pl.Int64}), tuple(bad), row))
        if self._increments:
            self._increments.check()
        return tuple(Section(self._place, some) for some in rows)

    def _is_new(self, element: bytes) -> bool:
        """Raises:
        TerminalError: it is none with a mark.
        """
        if self._increments is None:
            return True
        try:
            return self._increments.take(parse_object(element))
        except TerminalError:
            # Nobody knows its mark, so it counts with the highest.
            if self._increments.take_unmarked(element):
                raise
            return False

    def _noted(self, run: UnderWay) -> UnderWay:
        if self._increments is None:
            return run
        found = self._increments
        return msgspec.structs.replace(
            run, highest=found.highest, seen=found.seen, recent=found.recent, again=found.again
        )

    def _after_page(self, page: Page, position: Position, run: UnderWay, after: State | None, request: str) -> Position:
        hashes = self._hashes(page, run)
        if after is not None:
            following = UnderWay(page=dict(after), pages=run.pages + 1, states=_states(run, after), hashes=hashes)
            return msgspec.structs.replace(position, run=self._noted(following))
        headers = page.answer.headers
        # Only an answer that is the whole run says by itself that nothing changed.
        etag, modified = (headers.get(name, "") if not run.pages else "" for name in ("etag", "last-modified"))
        ended = msgspec.structs.replace(
            position,
            run=None,
            etag=etag if len(etag) <= _MAX_VALIDATOR else "",
            modified=modified if len(modified) <= _MAX_VALIDATOR else "",
            request=request,
        )
        if self._increments is None:
            return msgspec.structs.replace(ended, hashes=hashes)
        return msgspec.structs.replace(ended, mark=self._increments.highest, known=self._increments.ended())

    def _hashes(self, page: Page, run: UnderWay) -> str:
        own = packed([page.digest])
        if self._increments is not None:
            return own
        return run.hashes if run.pages >= MAX_HASHES else _join(run.hashes, own)


def state_digest(state: State) -> bytes:
    """A hash of which page it is."""
    return digest_of([msgspec.json.encode(dict(state))])


def last_digest(run: UnderWay) -> bytes:
    """The hash of the page before's rows; empty where it is not known."""
    digests = list(unpacked(run.hashes))
    return digests[-1] if digests and run.pages <= MAX_HASHES else b""


def _states(run: UnderWay, after: State) -> str:
    """Pages by number or offset only rise, so only others can come again."""
    if "page" in after or "offset" in after or run.pages >= MAX_HASHES:
        return run.states
    return _join(run.states, packed([state_digest(run.page)]))


def _join(one: str, other: str) -> str:
    return packed([*unpacked(one), *unpacked(other)])


def _in_part(elements: Sequence[bytes], most: int) -> int:
    """How many elements go into a part: at least one, if there are any."""
    total = 0
    for count, element in enumerate(elements[:most]):
        total += len(element)
        if total > PART_BYTES and count:
            return count
    return min(most, len(elements))


def _digest(element: bytes) -> bytes:
    return digest_of([element])


def _is_taken(taken: "Counter[bytes]", digest: bytes) -> bool:
    if taken[digest] <= 0:
        return False
    taken[digest] -= 1
    return True


def _add(whole: "hashlib._Hash", elements: Sequence[bytes]) -> None:
    for element in elements:
        whole.update(len(element).to_bytes(8, "big"))
        whole.update(element)


def _count(sections: Sequence[Section]) -> int:
    return sum(section.rows.table.height + len(section.rows.bad) for section in sections)
