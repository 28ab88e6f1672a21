"""What becomes of bodies and properties."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.errors import Reason, TerminalError
from ingest_sources.rabbitmq.message import Message
from ingest_sources.rabbitmq.message_columns import columns_of
from ingest_sources.rabbitmq.message_objects import objects_of
from ingest_sources.rabbitmq.queue_rows import queue_rows
from ingest_sources.rows import ROW


def message(body: bytes, tag: int = 1, **properties: Any) -> Message:
    return Message(tag, False, "shop", "order.new", properties, body)


def objects(body: bytes, max_bytes: int = 100, **properties: Any) -> list[dict[str, Any]]:
    return objects_of(message(body, **properties), {}, max_bytes)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'[{"a": 1}, {"a": {"b": 2}}]', None),
        (b' [{"a": 1}, {"a": {"b": 2}}]', "application/json; charset=utf-8"),
        (b'{"a": 1}\n\n{"a": {"b": 2}}\n', None),
        (b'{"a": 1}\r\n{"a": {"b": 2}}', "application/x-ndjson"),
    ],
)
def test_objects_of_an_array_and_of_lines(body: bytes, content_type: str | None) -> None:
    properties = {"content_type": content_type} if content_type else {}
    assert objects(body, 100, **properties) == [{"a": 1}, {"a.b": 2}]


def test_an_object_may_be_printed_over_lines() -> None:
    assert objects(b'{\n  "a": 1\n}\n') == [{"a": 1}]
    assert objects(b"[]") == []


@pytest.mark.parametrize(
    ("body", "properties", "reason", "words"),
    [
        (b" \n", {}, Reason.EMPTY_BODY, "no body"),
        (b"<a/>", {}, Reason.MALFORMED_JSON, "malformed"),
        (b"7", {}, Reason.UNEXPECTED_SHAPE, "a number"),
        (b'[{"a": 1}, 2]', {}, Reason.UNEXPECTED_SHAPE, "element 2: it is a number"),
        (b'[{"a": 1}', {}, Reason.MALFORMED_JSON, "truncated"),
        (b'[{"a": 1, "a": 2}]', {}, Reason.MALFORMED_JSON, "element 1: the name 'a' is there twice"),
        (b'{"a": 1}\n{"a"', {}, Reason.MALFORMED_JSON, "line 2"),
        (b'{"a": 1}\n{"a": 2}', {"content_type": "application/json"}, Reason.MALFORMED_JSON, "trailing"),
        (b'{"a": "\xff"}', {}, Reason.INVALID_UTF8, "UTF-8"),
        (b'["\xff"]', {}, Reason.INVALID_UTF8, "UTF-8"),
        (b"[" * 99, {}, Reason.MALFORMED_JSON, "truncated"),
        (b'{"__row__": 1}', {}, Reason.UNEXPECTED_SHAPE, "__row__"),
        (b'{"a": "%s"}' % (b"x" * 100), {}, Reason.TOO_LARGE, "109 bytes"),
        (b'{"a": 1}', {"content_encoding": "gzip"}, Reason.UNSUPPORTED_FORMAT, "gzip"),
    ],
)
def test_anything_else_is_refused_as_a_whole(body: bytes, properties: Any, reason: Reason, words: str) -> None:
    with pytest.raises(TerminalError, match=words) as raised:
        objects(body, **properties)
    assert raised.value.reason == reason


def test_properties_become_plain_columns() -> None:
    headers = {"shop": b"oslo", "at": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["a"], "n": 1}
    found = columns_of(
        message(b"", message_id="7", timestamp=1_700_000_000, headers=headers),
        ("routing_key", "message_id", "timestamp", "app_id", "headers.shop", "headers.at", "headers.tags", "headers.n"),
    )
    assert found == {
        "__routing_key": "order.new",
        "__message_id": "7",
        "__timestamp": 1_700_000_000,
        "__app_id": None,
        "__headers.shop": "oslo",
        "__headers.at": "2026-01-01 00:00:00+00:00",
        "__headers.tags": '["a"]',
        "__headers.n": 1,
    }


def test_rows_are_numbered_through_and_known_messages_take_no_number() -> None:
    bodies = [b'{"a": 1}', b'[{"a": 2}, {"a": 3}]', b"no", b'{"a": 4}', b"none"]
    messages = [message(body, tag) for tag, body in enumerate(bodies, 1)]
    found = queue_rows("q", messages, messages[1:4], 10, ("routing_key",), 100)
    good, bad = (section.rows for section in found.sections)
    assert good.table.rows() == [(11, 2, "order.new"), (12, 3, "order.new"), (14, 4, "order.new")]
    assert good.table.columns == [ROW, "a", "__routing_key"]
    assert [(row.number, row.original) for row in bad.bad] == [(13, b"no")]
    assert found.end == 14
    assert found.unreadable == {3, 5}


def test_whatever_goes_wrong_with_one_message_makes_it_alone_a_dead_letter() -> None:
    odd = message(b'{"a": 1}', 1, headers={"shop": {b"\xff": 1}})
    found = queue_rows("q", [odd, message(b'{"a": 2}', 2)], [odd, message(b'{"a": 2}', 2)], 0, ("headers.shop",), 100)
    good, bad = (section.rows for section in found.sections)
    assert good.table["a"].to_list() == [2]
    assert [(row.number, row.reason, row.original) for row in bad.bad] == [(1, Reason.MALFORMED_ROW, b'{"a": 1}')]
    assert found.unreadable == {1}
