"""What a body of events or items holds, and bodies that hold too much."""

import time
from typing import Any

import msgspec
import pytest
from starlette.datastructures import Headers

from headrace.interactions.fault import Refused
from headrace.interactions.fields import content_of
from headrace.interactions.limits import MAX_EACH_BYTES
from serve_api.events.sent import Sent, check_json, read_events, read_items
from serve_api.problems import Problem

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}
DEEP = 100_000


def events(body: bytes, headers: dict[str, str] | None = None) -> Sent:
    return read_events(body, Headers(headers or JSON))


def contents(sent: Sent) -> list[Any]:
    return [content_of(each, "body") for each in sent.each]


def refused(body: bytes, headers: dict[str, str] | None = None) -> Problem:
    with pytest.raises(Problem) as raised:
        events(body, headers)
    return raised.value


def test_one_or_several_or_one_a_line() -> None:
    one = events(b'{"kind": "view"}')
    assert (contents(one), one.is_many) == ([{"kind": "view"}], False)
    several = events(b'{"events": [{"a": 1}, 2, null], "user_token": "t"}')
    assert (contents(several), several.is_many, several.user_token) == ([{"a": 1}, 2, None], True, "t")
    assert contents(events(b'{"a": 1}\n\r\n {"a": 2} \n', LINES)) == [{"a": 1}, {"a": 2}]
    items = read_items(b'{"items": [{"item": "cup"}]}', Headers(JSON))
    assert (contents(items), items.is_many) == ([{"item": "cup"}], True)
    assert contents(read_items(b'{"item": "cup"}', Headers(JSON))) == [{"item": "cup"}]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/jsonl"])
def test_types_are_as_their_standards_write_them(kind: str) -> None:
    assert contents(events(b'{"a": 1}', {"content-type": kind})) == [{"a": 1}]


@pytest.mark.parametrize(
    ("headers", "tells"),
    [
        ({}, "content-type"),
        ({"content-type": "text/plain"}, "content-type"),
        ({"content-type": "application/x-www-form-urlencoded"}, "content-type"),
        ({**JSON, "content-encoding": "gzip"}, "not packed"),
    ],
)
def test_other_types_are_refused(headers: dict[str, str], tells: str) -> None:
    problem = refused(b"{}", {"x": "y", **headers})
    assert (problem.status, tells in problem.detail) == (415, True)
    with pytest.raises(Problem, match=tells):
        check_json(Headers(headers))


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        (b"", "truncated"),
        (b"[]", "object"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'{"events": {}}', "array"),
        (b'{"events": []}', "none"),
        (b'{"events": [1], "evnets": [2]}', "evnets"),
        (b'{"events": [1], "user_token": 5}', "user_token"),
        (b'{"events": [NaN]}', "malformed"),
        (b'{"events": ' + b"[" * DEEP, "too deep"),
        (b'{"a": ' + b"[" * DEEP, "too deep"),
        (b'{"events": [' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]}", "too deep"),
        (b'{"events": [' + b"1," * 9_999 + b"1]}", "there are over 1,000"),
    ],
)
def test_what_is_no_body_is_refused_with_the_reason(body: bytes, tells: str) -> None:
    problem = refused(body)
    assert problem.status == 422
    assert tells in problem.detail
    assert len(problem.detail) < 1_000


def test_lines_are_counted_before_they_are_read() -> None:
    assert "over 1,000" in refused(b"\n" * 1_000_000, LINES).detail
    assert "over 1,000" in refused(b"{}\n" * 1_001, LINES).detail
    assert "there are none" in refused(b"\n\n", LINES).detail
    assert len(events(b"{}\n" * 1_000, LINES).each) == 1_000


def test_a_list_is_given_up_at_the_first_that_is_too_many() -> None:
    def took_s() -> float:
        begin = time.perf_counter()
        assert "over 1,000" in refused(b'{"events": [' + b"1," * 500_000 + b"1]}").detail
        return time.perf_counter() - begin

    assert min(took_s() for _ in range(5)) < 0.02, "it was read to its end"
    assert len(events(b'{"events": [' + b"1," * 999 + b"1]}").each) == 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 50_000,
        b"{}{}",
        b'"' + b"x" * MAX_EACH_BYTES + b'"',
    ],
)
def test_one_that_cannot_be_read_is_refused_alone(raw: bytes) -> None:
    with pytest.raises(Refused):
        content_of(msgspec.Raw(raw), "body")
