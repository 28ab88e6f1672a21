"""Which page is asked for next, by what the last one said."""

from collections.abc import Mapping
from typing import Any

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.http_client import joined
from ingest_sources.http_apis.http_source import LinkHeader, NextUrl, PageCursor, PageNumber, Paging, RowOffset
from ingest_sources.http_apis.link_header import next_link
from ingest_sources.http_apis.page import Page

State = Mapping[str, Any]
"""Which page; empty is the first."""
FIRST: State = {}
_MAX_CURSOR = 8_192


def params_of(paging: Paging | None, state: State) -> dict[str, str]:
    """The parameters that ask for a page."""
    if paging is None or isinstance(paging, LinkHeader | NextUrl):
        return {}
    size = {paging.size_param: str(paging.size)} if paging.size_param else {}
    match paging:
        case PageNumber():
            return {paging.param: str(state.get("page", paging.first)), **size}
        case RowOffset():
            return {paging.param: str(state.get("offset", 0)), **size}
        case PageCursor():
            return {**({paging.param: str(state["cursor"])} if state else {}), **size}


def next_state(paging: Paging | None, state: State, page: Page) -> State | None:
    """The page after one that came; None where it was the last.

    Raises:
        ConfigurationError: the answer says it in a way that is none.
    """
    match paging:
        case None:
            return None
        case PageNumber():
            number = state.get("page", paging.first)
            return None if _is_last(paging, page, number - paging.first + 1) else {"page": number + 1}
        case RowOffset():
            offset = state.get("offset", 0) + len(page.rows)
            return None if _is_last(paging, page, offset) else {"offset": offset}
        case PageCursor():
            return _next_cursor(paging, page)
        case LinkHeader():
            address = next_link(page.answer.headers.get_list("link"))
            return _url_state(page, address, "the header Link")
        case NextUrl():
            return _url_state(page, page.value(paging.place), f"`paging.place` {paging.place}")


def _is_last(paging: PageNumber | RowOffset, page: Page, done: int) -> bool:
    if not page.rows or (paging.more and _is_over(page.value(paging.more))):
        return True
    if paging.total is None:
        return False
    total = page.value(paging.total)
    if isinstance(total, str) and total.isascii() and total.isdigit():
        total = int(total)
    if not isinstance(total, int) or isinstance(total, bool):
        raise ConfigurationError(f"`paging.total`: there is no number at {paging.total}, but {total!r}")
    return done >= total


def _is_over(more: Any) -> bool:
    return more in (None, False, 0, "", "false")


def _next_cursor(paging: PageCursor, page: Page) -> State | None:
    if paging.more and _is_over(page.value(paging.more)):
        return None
    value = page.answer.headers.get(paging.header) if paging.header else page.value(paging.place or "")
    if value in (None, "", False):
        return None
    if not isinstance(value, str | int | float):
        raise ConfigurationError(f"`paging`: the next page's cursor is a text or a number, and not {value!r:.100}")
    return {"cursor": _checked(str(value))}


def _url_state(page: Page, address: Any, what: str) -> State | None:
    if address in (None, "", False):
        return None
    if not isinstance(address, str):
        raise ConfigurationError(f"{what}: the next page's address is a text, and not {address!r:.100}")
    return {"url": _checked(str(joined(page.answer.url, address, what)))}


def _checked(text: str) -> str:
    if len(text) > _MAX_CURSOR:
        raise ConfigurationError(f"the next page's cursor or address has {len(text):,} characters; {_MAX_CURSOR:,} fit")
    return text
