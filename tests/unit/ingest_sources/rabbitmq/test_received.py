"""What becomes of texts that are no text, and of headers on which pika fails."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pika import frame, spec

from headrace.errors import Reason, TerminalError
from ingest_sources.rabbitmq.message import Message
from ingest_sources.rabbitmq.message_columns import columns_of
from ingest_sources.rabbitmq.message_objects import objects_of
from ingest_sources.rabbitmq.received import message_of
from ingest_sources.rabbitmq.tolerant_connection import read_header

MILLISECONDS = 1_700_000_000_000


def received(properties: dict[Any, Any], problem: str = "") -> Message:
    return message_of(spec.Basic.Deliver("c", 1, False, b"s\xff", b"k\xff"), properties, b'{"a": 1}', problem)


def nested(depth: int) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for _ in range(depth):
        table = {"in": table}
    return table


def test_names_and_short_strings_that_are_no_utf8_are_read() -> None:
    headers = {b"\xff": 1, "tags": [{b"\xfe": b"\x00\xff"}], "x-death": []}
    message = received({"content_type": b"\xff", "message_id": b"7\xff", "headers": headers})
    assert len(message.identity) == 12
    assert objects_of(message, {}, 100) == [{"a": 1}]
    names = ("exchange", "routing_key", "message_id", "headers.\\xff", "headers.tags")
    assert list(columns_of(message, names).values()) == [
        "s\\xff",
        "k\\xff",
        "7\\xff",
        1,
        '[{"\\\\xfe": "b\'\\\\x00\\\\xff\'"}]',
    ]


def test_headers_that_cannot_be_read_make_the_message_a_dead_letter() -> None:
    for message in (received({"headers": nested(99)}), received({}, "its headers can't be read: ...")):
        assert len(message.identity) == 12
        with pytest.raises(TerminalError, match="headers can't be read") as raised:
            objects_of(message, {}, 100)
        assert raised.value.reason == Reason.UNSUPPORTED_FORMAT


def read(headers: dict[str, Any], *changes: tuple[bytes, bytes]) -> Any:
    """The properties of a frame in which bytes are changed that pika itself would not write."""
    given = spec.BasicProperties(
        content_type="text/json", content_encoding="utf-8", headers=headers, priority=3, message_id="7", app_id="till"
    )
    data = frame.Header(1, 8, given).marshal()
    for old, new in changes:
        assert data.count(old) == 1
        data = data.replace(old, new)
    with pytest.raises(Exception, match=r".*"):
        frame.decode_frame(data)
    found = read_header(data + b"next")
    assert found is not None
    length, header = found
    assert length == len(data)
    assert (header.channel_number, header.body_size) == (1, 8)
    properties: Any = header.properties
    assert (properties.content_type, properties.content_encoding, properties.message_id) == ("text/json", "utf-8", "7")
    assert (properties.priority, properties.app_id) == (3, "till")
    return properties


def test_a_time_in_milliseconds_is_a_number_and_the_rest_is_as_pika_reads_it() -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    others = {
        "s": "text",
        "n": -5,
        "big": 1 << 40,
        "flag": True,
        "time": time,
        "table": {"list": ["a", 1, None]},
        "bytes": b"\x00",
        "decimal": Decimal("1.25"),
    }
    at = b"\x02atl" + struct.pack(">q", MILLISECONDS)
    properties = read({**others, "at": MILLISECONDS}, (at, at.replace(b"atl", b"atT")))
    assert properties.headers == {**others, "at": MILLISECONDS}
    assert not hasattr(properties, "problem")


def test_a_float_that_is_none_is_text() -> None:
    double = b"d" + struct.pack(">d", float("nan"))
    properties = read({"at": MILLISECONDS}, (b"l" + struct.pack(">q", MILLISECONDS), double))
    assert properties.headers == {"at": "nan"}


def test_a_type_that_amqp_has_not_is_told() -> None:
    properties = read({"at": True}, (b"\x02att", b"\x02at?"))
    assert properties.problem == "its headers can't be read: type '?' of a header is not known"
    assert properties.headers is None


def test_headers_that_are_too_deep_are_told() -> None:
    properties = read({"at": True, **nested(99)}, (b"\x02att", b"\x02at?"))
    assert "type '?'" in properties.problem
    properties = read({**nested(99), "at": True}, (b"\x02att", b"\x02at?"))
    assert "32 levels" in properties.problem


def test_frames_of_other_kinds_are_left_to_pika() -> None:
    assert read_header(frame.Heartbeat().marshal()) is None
    assert read_header(frame.Header(1, 8, spec.BasicProperties(message_id="7")).marshal()) is None
