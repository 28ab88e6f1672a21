"""Which rows of a run are new: by their marks, and by which of them were taken."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError
from ingest_sources.http_apis.http_source import Incremental
from ingest_sources.http_apis.json_place import value_in
from ingest_sources.http_apis.last_rows import LastRows
from ingest_sources.http_apis.marks import Key, Mark
from ingest_sources.http_apis.packed import digest_of, packed, unpacked
from ingest_sources.http_apis.position import Buckets
from ingest_sources.http_apis.seen_rows import SeenRows


class Increments:
    """The marks of one run.

    A row is known by what it holds. With `id`, the same row twice is one; without, rows that hold the same are as many
    as a run has of them.

    Args:
        mark: that the run is begun with; None for the first.
        known: rows taken by runs before.
        highest, seen, recent: of a run that goes on.
        again: of one that was begun anew.
    """

    def __init__(
        self,
        options: Incremental,
        mark: Mark | None,
        known: Buckets,
        highest: Mark | None,
        seen: Buckets,
        now_us: int,
        recent: str = "",
        again: str = "",
    ) -> None:
        self._options = options
        self._order = options.order()
        self._now_us = now_us
        self._begun = options.start if mark is None else mark
        self._lowest = self._order.lowest(self._begun)
        self._known = SeenRows(known)
        self._seen = SeenRows(seen)
        self._recent = LastRows(recent)
        self._again = Counter(unpacked(again))
        self._highest = self._begun if highest is None else highest
        self._highest_key = self._order.key(self._highest)

    @property
    def params(self) -> dict[str, str]:
        """What is asked for."""
        return {self._options.param: str(self._order.sent(self._begun))}

    @property
    def highest(self) -> Mark:
        """The highest mark so far."""
        return self._highest

    @property
    def seen(self) -> list[tuple[Key, str]]:
        """Rows of this run that the next one would get again."""
        return self._seen.packed()

    @property
    def recent(self) -> str:
        """The last rows, whatever their marks: new rows before them move them to the next page."""
        return self._recent.packed()

    @property
    def again(self) -> str:
        """Rows that were delivered before the run was begun anew, and that did not come again yet."""
        return packed(self._again.elements())

    def take(self, row: dict[str, Any]) -> bool:
        """Whether a row is new; it is taken then.

        Raises:
            TerminalError: it has no mark.
        """
        mark = value_in(row, self._options.place)
        if mark is None:
            raise TerminalError(Reason.UNEXPECTED_SHAPE, f"it has no {self._options.place}, the place of its mark")
        key = self._order.key(mark)
        if key < self._lowest:  # type: ignore[operator]
            return False
        bucket, digest = self._order.bucket(key), self._digest(row)
        before = self._seen.count(bucket, digest)
        is_again = self._is_again(digest)
        is_new = before >= self._known.count(bucket, digest) and not is_again
        if self._options.id_places:
            is_new = is_new and not before and digest not in self._recent
        if not self._options.id_places or not before:
            self._seen.add(bucket, digest)
        self._note_recent(digest)
        if not self._order.is_ahead(key, self._now_us):
            # Of two that are equal but written differently, always the same.
            self._highest_key, self._highest = max((self._highest_key, self._highest), (key, mark), key=_order)
        return is_new

    def take_unmarked(self, text: bytes) -> bool:
        """As `take`, of what has no mark that can be read: it counts as one with the highest."""
        bucket, digest = self._order.bucket(self._highest_key), digest_of([text])
        before = self._seen.count(bucket, digest)
        is_again = self._is_again(digest)
        self._seen.add(bucket, digest)
        self._note_recent(digest)
        return before >= self._known.count(bucket, digest) and not is_again

    def check(self) -> None:
        """Raises:
        ConfigurationError: more rows must be remembered than fit.
        """
        self._forget()
        self._seen.check()

    def ended(self) -> list[tuple[Key, str]]:
        """The rows that the next run would get again.

        Raises:
            ConfigurationError: as `check`.
        """
        joined = self._known.joined(self._seen)
        joined.forget_below(self._order.bucket(self._order.lowest(self._highest)))
        joined.check()
        return joined.packed()

    def _digest(self, row: dict[str, Any]) -> bytes:
        ids = [msgspec.json.encode(value_in(row, place)) for place in self._options.id_places]
        # The order of names is no difference, as APIs don't keep to one.
        return digest_of([*ids, msgspec.json.encode(row, order="sorted")])

    def _note_recent(self, digest: bytes) -> None:
        if not self._options.id_places or digest not in self._recent:
            self._recent.add(digest)

    def _is_again(self, digest: bytes) -> bool:
        if self._again[digest] <= 0:
            return False
        self._again[digest] -= 1
        return True

    def _forget(self) -> None:
        lowest = self._order.bucket(self._order.lowest(self._highest))
        self._seen.forget_below(lowest, but=self._known.buckets)


def _order(pair: tuple[Key, Mark]) -> tuple[Any, str]:
    return pair[0], str(pair[1])
