"""Delivers the pages of a run; where it is, is in the ledger, so that a row counts once."""

import logging
from collections.abc import Generator, Iterator, Mapping

import httpx
import msgspec

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from ingest_sources.feeds.feed import Cursor, FeedPart
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.begun_anew import begun_anew
from ingest_sources.http_apis.connection import Connection, RequestRefused
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_client import without
from ingest_sources.http_apis.http_source import HttpOptions, PageNumber, QueryAuth, RowOffset
from ingest_sources.http_apis.increments import Increments
from ingest_sources.http_apis.packed import packed, unpacked
from ingest_sources.http_apis.page import Page, page_of
from ingest_sources.http_apis.page_parts import PageParts, last_digest, state_digest
from ingest_sources.http_apis.paging import State, next_state, params_of
from ingest_sources.http_apis.position import Position, UnderWay, asks_of, marks_of, position_of

_FORGOTTEN = frozenset((400, 404, 410))
"""With these an API refuses a page that it named once and knows no more."""
log = logging.getLogger(__name__)


class HttpFeed:
    """The run that is under way goes on, or one begins; `parts` ends with the run."""

    def __init__(self, options: HttpOptions, connection: Connection, hidden: Hidden, clock: Clock) -> None:
        self._options = options
        self._connection = connection
        self._hidden = hidden
        self._clock = clock

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        position = position_of(cursor, asks_of(self._options), marks_of(self._options))
        try:
            yield from self._run(position, cursor)
        except _Forgotten as forgotten:
            yield from self._run(begun_anew(forgotten.position), cursor)

    def _run(self, position: Position, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        """Raises:
        _Forgotten: the page that the run would go on with is no more; nothing was given.
        """
        increments = self._increments(position)
        place = self._hidden.place(httpx.URL(self._options.url))
        pages = PageParts(place, self._options.limits.batch_rows, increments)
        is_resumed = True
        while True:
            run = position.run or UnderWay()
            url = self._url(run, increments)
            request = packed([state_digest({"url": str(url)})])
            try:
                page = yield from self._page(url, run, self._validators(position, request))
            except RequestRefused as error:
                yield from self._refused(error, position, is_resumed)
                raise
            if page is None:
                return
            after = self._after(page, run)
            for sections, reached in pages.parts(page, position, run, after, request):
                position = reached
                # Without rows, a page that is asked for again after a kill costs less than a transaction for each.
                if sections or (position.run is None and position.cursor() != cursor):
                    cursor = position.cursor()
                    yield FeedPart(sections, cursor, is_end=position.run is None)
            if after is None:
                return
            is_resumed = False

    def committed(self, part: FeedPart) -> None:
        # An API is told nothing.
        pass

    def sample(self) -> FeedPart | None:
        return next((part for part in self.parts(None) if part is not None), None)

    def close(self) -> None:
        self._connection.close()

    def _increments(self, position: Position) -> Increments | None:
        options, run = self._options.incremental, position.run or UnderWay()
        if options is None:
            return None
        return Increments(
            options, position.mark, position.known, run.highest, run.seen, self._clock.now_us(), run.recent, run.again
        )

    def _url(self, run: UnderWay, increments: Increments | None) -> httpx.URL:
        if "url" in run.page:
            return httpx.URL(run.page["url"])
        params = {name: _text(value) for name, value in self._options.params.items()}
        params |= increments.params if increments else {}
        params |= params_of(self._options.paging, run.page)
        url = httpx.URL(self._options.url)
        return url.copy_merge_params(params) if params else url

    def _validators(self, position: Position, request: str) -> dict[str, str]:
        """What lets the server say that nothing changed since the last run."""
        if position.run is not None or position.request != request:
            return {}
        given = {"if-none-match": position.etag, "if-modified-since": position.modified}
        return {name: value for name, value in given.items() if value}

    def _page(self, url: httpx.URL, run: UnderWay, validators: Mapping[str, str]) -> Generator[None, None, Page | None]:
        """The page, or None where nothing changed."""
        if run.pages >= self._options.limits.max_pages:
            raise ConfigurationError(
                f"the run has limits.max_pages, {run.pages:,}, and no end: see what `paging` says, or raise the limit"
            )
        paging = self._options.paging
        end_status = paging.end_status if isinstance(paging, PageNumber | RowOffset) and run.pages else None
        answer: Answer = yield from self._connection.ask(
            url, validators, frozenset((end_status,) if end_status else ())
        )
        if answer.status == 304:
            if not validators:
                raise ConfigurationError(f"{answer.place} answers 304 and was not asked whether something changed")
            return None
        return Page(answer, (), None) if answer.status == end_status else page_of(answer, self._options.rows)

    def _refused(self, error: RequestRefused, position: Position, is_resumed: bool) -> Iterator[FeedPart]:
        """What becomes of a run whose page is refused.

        A page that is refused as soon as it was named is none that expired: beginning anew would end here once more,
        so that is noted.

        Raises:
            _Forgotten: it begins anew.
            ConfigurationError: a person is told how to begin anew.
        """
        run = position.run
        if run is None or not run.pages:
            return
        if error.status in _FORGOTTEN and is_resumed and not run.is_refused:
            shown = {"reason": str(error), "pages": run.pages}
            log.warning("a run is begun anew, as the API knows the page no more that it would go on with", extra=shown)
            raise _Forgotten(position)
        if error.status in _FORGOTTEN and not run.is_refused:
            noted = msgspec.structs.replace(position, run=msgspec.structs.replace(run, is_refused=True))
            yield FeedPart((), noted.cursor())
        raise ConfigurationError(
            f"{error}; the run goes on with this page: if it never comes, `headrace sources backfill` begins anew"
        ) from error

    def _after(self, page: Page, run: UnderWay) -> State | None:
        """Which page is next.

        Raises:
            ConfigurationError: it was there before, so that there would be no end.
        """
        if page.rows and run.pages and page.digest == last_digest(run):
            raise ConfigurationError(
                f"page {run.pages + 1} has the same rows as the page before: does the API know what `paging` sends?"
            )
        state = next_state(self._options.paging, run.page, page)
        if state is None:
            return None
        if "url" in state:
            state = {"url": self._clean(state["url"])}
        if self._hidden.is_in(str(state)):
            raise ConfigurationError("the next page's cursor or address has a secret in it, which is kept nowhere")
        if state_digest(state) in {state_digest(run.page), *unpacked(run.states)}:
            raise ConfigurationError(
                f"after page {run.pages + 1} the API names a page as the next that was there before: it would never end"
            )
        return state

    def _clean(self, address: str) -> str:
        """Without the secret that many APIs repeat in it."""
        auth = self._options.auth
        return str(without(httpx.URL(address), [auth.name] if isinstance(auth, QueryAuth) else []))


class _Forgotten(Exception):
    """A run can't go on; `position` is where it was."""

    def __init__(self, position: Position) -> None:
        super().__init__()
        self.position = position


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
