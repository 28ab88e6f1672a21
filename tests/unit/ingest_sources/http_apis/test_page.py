"""Rows of answers, and which page is next."""

from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_source import Paging
from ingest_sources.http_apis.page import Page, page_of
from ingest_sources.http_apis.paging import FIRST, State, next_state, params_of

PAGING: TypeAdapter[Paging] = TypeAdapter(Paging)


def page(body: bytes, place: str = "", headers: dict[str, str] | None = None) -> Page:
    answer = Answer(200, httpx.Headers(headers or {}), httpx.URL("https://a.example/v1/rows?page=1"), body, Hidden())
    return page_of(answer, place)


@pytest.mark.parametrize(
    ("body", "place", "rows"),
    [
        (b'[{"a": 1}, 7, null]', "", [b'{"a": 1}', b"7", b"null"]),
        (b'\xef\xbb\xbf{"a": 1}', "", [b'{"a": 1}']),
        (b'{"data": {"items": [{"a":1}]}}', "data.items", [b'{"a":1}']),
        (b'{"data": [{"items": []}, {"items": [{}]}]}', "data.-1.items", [b"{}"]),
        (b'{"items": null}', "items", []),
        (b'{"item": {"a": 1}}', "item", [b'{"a": 1}']),
        (b"", "", []),
    ],
)
def test_rows_are_the_texts_at_their_place(body: bytes, place: str, rows: list[bytes]) -> None:
    assert list(page(body, place).rows) == rows


@pytest.mark.parametrize(
    ("body", "place", "told"),
    [
        (b'{"data": {"rows": [], "total": 3}}', "data.items", "the names there are: rows, total"),
        (b'{"data": [1]}', "data.items", "has an array where 'data.items' wants"),
        (b'{"data": [1]}', "data.5", "1 elements, and no number 5"),
        (b'{"items": "none"}', "items", "has a text at items"),
        (b"7", "", "has a number at its top"),
        (b'[{"a": 1}', "", "no JSON"),
        (b"", "items", "no JSON"),
    ],
)
def test_answer_without_rows_is_told(body: bytes, place: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        page(body, place)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'[{"name": "Ada"}, {"name": "Gra', "it breaks off; it has 31 bytes"),
        (b'[{"name": "Ada\\x"}]', "an error at byte 15; it has 19 bytes"),
        (b'[{"name": Ada}]', "an error at byte 10; it has 15 bytes"),
        (b'{"items": [], "Ada\xff": {}}', "one of its names is no UTF-8"),
        (b"<html>Ada", "an error at byte 0; it has 9 bytes, and its type is text/html"),
    ],
)
def test_answer_that_is_no_json_is_told_without_what_is_in_it(body: bytes, told: str) -> None:
    with pytest.raises(ConfigurationError, match="is no JSON") as error:
        page(body, "items" if b"items" in body else "", {"content-type": "text/html; charset=utf-8"})
    assert told in str(error.value)
    assert "Ada" not in str(error.value) and error.value.__cause__ is None


def test_lines_are_known_by_their_type() -> None:
    lines = {"content-type": "application/x-ndjson; charset=utf-8"}
    assert list(page(b'{"a":1}\r\n\n{"a":2}', "", lines).rows) == [b'{"a":1}\r', b'{"a":2}']
    with pytest.raises(ConfigurationError, match="leave `rows` empty"):
        page(b"{}", "items", lines)


def _steps(paging: dict[str, Any], *pages: Page) -> list[dict[str, str] | str | None]:
    """What each of the pages is followed by: parameters, an address or nothing."""
    options = PAGING.validate_python(paging)
    found: list[dict[str, str] | str | None] = []
    state: State | None = FIRST
    for each in pages:
        assert state is not None
        state = next_state(options, state, each)
        found.append(None if state is None else state.get("url") or params_of(options, state))
    return found


FULL, EMPTY = page(b"[{}, {}]"), page(b"[]")


def test_pages_end_with_one_that_is_empty() -> None:
    """A short page is not the last: many servers give fewer rows than they are asked for."""
    assert _steps({"kind": "page", "size_param": "n", "size": 50}, FULL, FULL, EMPTY) == [
        {"page": "2", "n": "50"},
        {"page": "3", "n": "50"},
        None,
    ]
    assert _steps({"kind": "offset"}, FULL, FULL, EMPTY) == [{"offset": "2"}, {"offset": "4"}, None]
    assert params_of(PAGING.validate_python({"kind": "page", "first": 0}), FIRST) == {"page": "0"}


def test_pages_end_where_the_answer_says_so() -> None:
    two = page(b'{"items": [{}], "meta": {"pages": 2, "rows": "2", "more": true}}', "items")
    last = page(b'{"items": [{}], "meta": {"pages": 2, "rows": "2", "more": false}}', "items")
    assert _steps({"kind": "page", "total": "meta.pages"}, two, two) == [{"page": "2"}, None]
    assert _steps({"kind": "page", "first": 0, "total": "meta.pages"}, two, two) == [{"page": "1"}, None]
    assert _steps({"kind": "offset", "total": "meta.rows"}, two, two) == [{"offset": "1"}, None]
    assert _steps({"kind": "page", "more": "meta.more"}, two, last) == [{"page": "2"}, None]
    with pytest.raises(ConfigurationError, match=r"no number at meta\.count"):
        _steps({"kind": "page", "total": "meta.count"}, two)


def test_cursors_come_from_the_body_or_a_header() -> None:
    stripe = {"kind": "cursor", "param": "starting_after", "place": "data.-1.id", "more": "has_more"}
    more = page(b'{"data": [{"id": "a"}, {"id": "b"}], "has_more": true}', "data")
    last = page(b'{"data": [{"id": "c"}], "has_more": false}', "data")
    assert _steps(stripe, more, last) == [{"starting_after": "b"}, None]
    header = {"kind": "cursor", "param": "after", "header": "X-Next"}
    assert _steps(header, page(b"[{}]", "", {"x-next": "7"}), page(b"[{}]")) == [{"after": "7"}, None]
    number = {"kind": "cursor", "param": "after", "place": "next"}
    assert _steps(number, page(b'{"next": 12345678901234567890}')) == [{"after": "12345678901234567890"}]
    for end in (b"null", b'""', b"false"):
        assert _steps(number, page(b'{"next": %s}' % end)) == [None]
    with pytest.raises(ConfigurationError, match="a text or a number"):
        _steps(number, page(b'{"next": {"a": 1}}'))


def test_addresses_may_be_relative() -> None:
    assert _steps({"kind": "next_url", "place": "next"}, page(b'{"next": "?page=2#x"}'), page(b"{}")) == [
        "https://a.example/v1/rows?page=2",
        None,
    ]
    assert _steps({"kind": "link"}, page(b"[]", "", {"link": "</v1/rows?p=2>; rel=next"}), EMPTY) == [
        "https://a.example/v1/rows?p=2",
        None,
    ]
    assert _steps({"kind": "next_url"}, page(b'{"next": "https://u:p@b.example/"}')) == ["https://b.example/"]
    with pytest.raises(ConfigurationError, match="is a text, and not 7"):
        _steps({"kind": "next_url"}, page(b'{"next": 7}'))
