"""PUBLISH and PUBACK as bytes, compared with what paho makes of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt import properties as paho_properties
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from ingest_mqtt.mqtt_packets import (
    MalformedPacketError,
    PacketReader,
    Publish,
    as_duplicate,
    write_acks,
    write_publish,
)

# paho's class has no types.
_PahoProperties: Any = paho_properties.Properties
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_TOPIC = _TEXT.filter(lambda text: text and not set(text) & set("+#"))


def _length(value: int) -> bytes:
    written = b""
    while True:
        value, low = divmod(value, 128)
        written += bytes((low | (128 if value else 0),))
        if not value:
            return written


@st.composite
def _publishes(draw: st.DrawFn, v5: bool) -> tuple[bytes, Publish]:
    """A PUBLISH whose properties paho has packed, and what must be read from it."""
    qos = draw(st.integers(0, 2))
    topic = draw(_TOPIC).encode()
    payload = draw(st.binary(max_size=300))
    mid = draw(st.integers(1, 65_535)) if qos else 0
    retain, dup = draw(st.booleans()), draw(st.booleans())
    body = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if qos else b"")
    expected = Publish(topic, payload, mid, qos, retain, dup)
    if v5:
        properties = _PahoProperties(PacketTypes.PUBLISH)
        if draw(st.booleans()):
            properties.CorrelationData = draw(st.binary(min_size=1, max_size=20))
            properties.ResponseTopic = draw(_TOPIC)
            properties.ContentType = draw(_TEXT.filter(bool))
            properties.MessageExpiryInterval = draw(st.integers(0, 2**32 - 1))
            properties.PayloadFormatIndicator = 1
            properties.UserProperty = draw(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=3))
        body += properties.pack()
    body += payload
    return bytes((0x30 | dup << 3 | qos << 1 | retain,)) + _length(len(body)) + body, expected


@given(data=st.data(), v5=st.booleans())
def test_reads_what_paho_reads_however_the_stream_is_cut(data: st.DataObject, v5: bool) -> None:
    packets = data.draw(st.lists(_publishes(v5), min_size=1, max_size=5))
    stream = b"".join(packet for packet, _ in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = PacketReader(v5)
    read = [
        item
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for item in reader.feed(stream[start:end])
    ]

    assert len(read) == len(packets)
    for got, (packet, expected) in zip(read, packets, strict=True):
        assert isinstance(got, Publish)
        same = (got.topic, got.payload, got.mid, got.qos, got.retain, got.dup)
        assert same == (
            expected.topic,
            expected.payload,
            expected.mid,
            expected.qos,
            expected.retain,
            expected.dup,
        )
        _assert_same_properties(got, packet, v5)


def _assert_same_properties(got: Publish, packet: bytes, v5: bool) -> None:
    header = 2 if packet[1] < 128 else 3
    version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
    paho: Any = _packet.decode_publish(packet[0], bytearray(packet[header:]), version).properties
    if got.properties is None:
        assert paho is None or paho.isEmpty()
        return
    assert paho is not None
    assert got.properties.content_type == paho.ContentType
    assert got.properties.response_topic == paho.ResponseTopic
    assert got.properties.correlation == paho.CorrelationData
    assert [(name, value.decode()) for name, value in got.properties.user] == paho.UserProperty


@given(topic=_TOPIC, payload=st.binary(max_size=300), mid=st.integers(1, 65_535), correlation=st.binary(max_size=30))
def test_paho_reads_the_publish_that_is_written(topic: str, payload: bytes, mid: int, correlation: bytes) -> None:
    packet = as_duplicate(write_publish(topic.encode(), payload, mid, correlation))
    header = 2 if packet[1] < 128 else 3

    read = _packet.decode_publish(packet[0], bytearray(packet[header:]), MQTTProtocolVersion.MQTTv5)

    assert (read.topic, read.payload, read.mid, read.qos, read.dup) == (topic.encode(), payload, mid, 1, True)
    assert getattr(read.properties, "CorrelationData", b"") == correlation


def test_acks_are_joined_in_the_given_order() -> None:
    packets = PacketReader(v5=True).feed(write_acks([7, 3, 65_535]))

    assert packets == [(0x40, b"\0\x07"), (0x40, b"\0\x03"), (0x40, b"\xff\xff")]


def test_a_large_body_comes_in_pieces() -> None:
    body = bytes(5_000_000)
    packet = write_publish(b"t", body, 1)
    reader = PacketReader(v5=True)
    read = [item for at in range(0, len(packet), 65_536) for item in reader.feed(packet[at : at + 65_536])]

    assert [item.payload for item in read if isinstance(item, Publish)] == [body]


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (b"\x32\x03\x00\x09t", "topic longer than the packet"),
        (b"\x36\x06\x00\x01t\x00\x01\x00", "QoS 3"),
        (b"\x32\x06\x00\x01t\x00\x01\x09", "properties longer than the packet"),
        (b"\x30\x06\x00\x01t\x02\x77\x00", "unknown property"),
        (b"\x30\xff\xff\xff\xff\x01", "five bytes of length"),
    ],
)
def test_impossible_lengths_are_refused(packet: bytes, what: str) -> None:
    with pytest.raises(MalformedPacketError):
        PacketReader(v5=True).feed(packet)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_else(stream: bytes, v5: bool) -> None:
    try:
        PacketReader(v5).feed(b"\x32" + stream)
    except MalformedPacketError:
        return
