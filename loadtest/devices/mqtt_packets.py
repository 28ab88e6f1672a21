"""MQTT 5 packets as bytes, as far as a publisher with receipts needs them.

Section numbers are those of the OASIS standard, MQTT Version 5.0.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
_PUBLISH_QOS1 = b"\x32"
DUP = 0x08

_RESPONSE_TOPIC, _CORRELATION_DATA, _SESSION_EXPIRY = 0x08, 0x09, 0x11
_RECEIVE_MAXIMUM = 0x21
_USER_PROPERTY = 0x26
_FIXED_SIZES = {0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4}
_FIXED_SIZES |= {0x28: 1, 0x29: 1, 0x2A: 1}
"""Bytes of the properties of fixed size that a server may send (2.2.2.2)."""
_SIZED = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
"""Properties that are a text or bytes behind a length of two bytes."""


@dataclass(frozen=True)
class Connected:
    """What a CONNACK says. `reason` 0 is success; `receive_maximum` bounds unacknowledged publishes."""

    session_present: bool
    reason: int
    receive_maximum: int


@dataclass(frozen=True)
class Delivered:
    """A PUBLISH from the broker; `packet_id` 0 is QoS 0."""

    packet_id: int
    correlation: bytes
    payload: bytes


def connect(client_id: str, session_expiry_s: int, keepalive_s: int) -> bytes:
    """A CONNECT that resumes the session where there is one (3.1)."""
    properties = struct.pack(">BI", _SESSION_EXPIRY, session_expiry_s)
    body = _sized(b"MQTT") + struct.pack(">BBH", 5, 0, keepalive_s) + _prefixed(properties) + _sized(client_id.encode())
    return _packet(b"\x10", body)


def subscribe(packet_id: int, topic_filter: str) -> bytes:
    """A SUBSCRIBE at QoS 1 that wants no retained messages (3.8)."""
    qos1_without_retained = b"\x21"
    body = packet_id.to_bytes(2, "big") + b"\x00" + _sized(topic_filter.encode()) + qos1_without_retained
    return _packet(b"\x82", body)


def puback(packet_id: int) -> bytes:
    """A PUBACK of success (3.4)."""
    return struct.pack(">BBH", PUBACK, 2, packet_id)


def publish_properties(response_topic: str | None) -> tuple[bytes, int]:
    """The properties of a PUBLISH up to its correlation data, and how many bytes of that follow (8 or 0)."""
    if response_topic is None:
        return b"\x00", 0
    fixed = bytes([_RESPONSE_TOPIC]) + _sized(response_topic.encode()) + bytes([_CORRELATION_DATA]) + b"\x00\x08"
    return varint(len(fixed) + 8) + fixed, 8


def publish(topic: bytes, packet_id: int, properties: bytes, payload: bytes) -> bytes:
    """A PUBLISH at QoS 1; `topic` has its length in front, `properties` theirs (3.3)."""
    remaining = len(topic) + 2 + len(properties) + len(payload)
    return b"".join((_PUBLISH_QOS1, varint(remaining), topic, packet_id.to_bytes(2, "big"), properties, payload))


def topic_field(topic: str) -> bytes:
    """A topic with its length in front."""
    return _sized(topic.encode())


def as_duplicate(packet: bytes) -> bytes:
    """The same PUBLISH with DUP set, as a resend needs (3.3.1.1)."""
    return bytes([packet[0] | DUP]) + packet[1:]


def acknowledged(data: bytes) -> tuple[int, ...] | None:
    """The packet ids, where `data` is nothing but PUBACKs of success; the usual answer to many publishes."""
    count = len(data) // 4
    if len(data) == 4 * count and data[::4] == b"\x40" * count and data[1::4] == b"\x02" * count:
        found: tuple[int, ...] = struct.unpack(f">{2 * count}H", data)[1::2]
        return found
    return None


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole packets as (first byte, what follows the length), and the bytes of one that is not whole yet."""
    packets: list[tuple[int, bytes]] = []
    start = 0
    while start + 2 <= len(data):
        remaining = (data[start + 1], start + 2) if data[start + 1] < 128 else _read_varint(data, start + 1)
        if remaining is None or remaining[1] + remaining[0] > len(data):
            break
        length, body = remaining
        packets.append((data[start], data[body : body + length]))
        start = body + length
    return packets, data[start:]


def parse_connack(body: bytes) -> Connected:
    """Reads what follows a CONNACK's length (3.2)."""
    receive_maximum = 65_535
    for name, value in _properties(body, 2)[0]:
        if name == _RECEIVE_MAXIMUM:
            receive_maximum = int.from_bytes(value, "big")
    return Connected(bool(body[0] & 1), body[1], receive_maximum)


def parse_puback(body: bytes) -> tuple[int, int]:
    """Packet id and reason code; 0x80 and more are refusals (3.4)."""
    return int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0


def parse_publish(first: int, body: bytes) -> Delivered:
    """Reads a PUBLISH from its first byte and what follows its length (3.3)."""
    position = 2 + int.from_bytes(body[:2], "big")
    packet_id = 0
    if first & 0x06:
        packet_id = int.from_bytes(body[position : position + 2], "big")
        position += 2
    properties, end = _properties(body, position)
    return Delivered(packet_id, dict(properties).get(_CORRELATION_DATA, b""), body[end:])


def varint(number: int) -> bytes:
    """A Variable Byte Integer (1.5.5)."""
    if number < 128:
        return bytes((number,))
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
    return bytes((number & 127 | 128,)) + varint(number >> 7)


def _read_varint(data: bytes, position: int) -> tuple[int, int] | None:
    """The number at `position` and where it ends; None where not all of it is there."""
    value = shift = 0
    for index in range(position, min(position + 4, len(data))):
        value |= (data[index] & 127) << shift
        if data[index] < 128:
            return value, index + 1
        shift += 7
    return None


def _properties(body: bytes, start: int) -> tuple[list[tuple[int, bytes]], int]:
    """The properties at `start` as (identifier, bytes), and where they end."""
    length = _read_varint(body, start)
    if length is None:
        return [], start
    end = length[1] + length[0]
    return list(_each_property(body, length[1], end)), end


def _each_property(body: bytes, position: int, end: int) -> Iterator[tuple[int, bytes]]:
    while position < end:
        name = body[position]
        position += 1
        if name == _USER_PROPERTY:
            position = _after_sized(body, _after_sized(body, position))
            continue
        if name in _SIZED:
            begin, position = position + 2, _after_sized(body, position)
        elif name in _FIXED_SIZES:
            begin, position = position, position + _FIXED_SIZES[name]
        else:
            raise ValueError(f"property {name:#04x} is none that a server sends here")
        yield name, body[begin:position]


def _after_sized(body: bytes, position: int) -> int:
    return position + 2 + int.from_bytes(body[position : position + 2], "big")


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _prefixed(data: bytes) -> bytes:
    return varint(len(data)) + data


def _packet(first: bytes, body: bytes) -> bytes:
    return first + varint(len(body)) + body
