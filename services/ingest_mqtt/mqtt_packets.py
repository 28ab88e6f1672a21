"""The MQTT packets of the hot path, as bytes: splits a stream, reads PUBLISH, writes PUBLISH and PUBACK.

Section numbers are those of MQTT 5.0. Contents are taken as they are, so that no message's text can end a connection
that would bring the same message again; only a packet whose lengths contradict each other is refused.
"""

from collections.abc import Iterable

import msgspec

PUBLISH = 0x30
PUBACK = 0x40
DISCONNECT = b"\xe0\x00"
"""The whole packet; the session then lasts as CONNECT said."""

_QOS_1 = 0x02
_DUP = 0x08
_RETAIN = 0x01
_CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION_DATA, _USER_PROPERTY = 0x03, 0x08, 0x09, 0x26
# Section 2.2.2.2: what else a PUBLISH may hold, by length: payload format, message expiry, topic alias.
_FIXED_LENGTHS = {0x01: 1, 0x02: 4, 0x23: 2}
_SUBSCRIPTION_ID = 0x0B
_MAX_LENGTH_BYTES = 4


class MalformedPacketError(Exception):
    """The lengths within a packet contradict each other: the stream can't be read on."""


class Properties(msgspec.Struct, gc=False):
    """The properties of a PUBLISH that Headrace passes on; `size` is their length in bytes."""

    size: int
    content_type: str = ""
    response_topic: str = ""
    correlation: bytes = b""
    user: list[tuple[str, bytes]] = []


class Publish(msgspec.Struct, gc=False):
    """A PUBLISH as it came; `mid` is its packet id, 0 at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    retain: bool
    dup: bool
    properties: Properties | None = None


OtherPacket = tuple[int, bytes]
"""First byte and body of a packet that is not a PUBLISH."""


class PacketReader:
    """Splits what a socket gives into packets; keeps the beginning of one that is not complete."""

    def __init__(self, v5: bool) -> None:
        self._v5 = v5
        self.clear()

    def clear(self) -> None:
        """Forgets an incomplete packet: another connection starts."""
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0

    def feed(self, chunk: bytes) -> list[Publish | OtherPacket]:
        """The packets that are complete with these bytes, in order.

        Raises:
            MalformedPacketError: this is not MQTT.
        """
        if not self._parts:
            return self._split(chunk)
        self._parts.append(chunk)
        self._have += len(chunk)
        if self._have < self._need:
            return []
        data = b"".join(self._parts)
        self.clear()
        return self._split(data)

    def _split(self, data: bytes) -> list[Publish | OtherPacket]:
        packets: list[Publish | OtherPacket] = []
        position, end = 0, len(data)
        while position + 2 <= end:
            length, body = data[position + 1], position + 2
            if length > 127:
                length, body = _variable_length(data, position + 1, end)
                if body < 0:
                    break
            stop = body + length
            if stop > end:
                self._need = stop - position
                break
            first = data[position]
            if first & 0xF0 == PUBLISH:
                packets.append(read_publish(data, first, body, stop, self._v5))
            else:
                packets.append((first, data[body:stop]))
            position = stop
        if position < end:
            self._parts = [data[position:]]
            self._have = end - position
        return packets


def read_publish(data: bytes, first: int, position: int, stop: int, v5: bool) -> Publish:
    """Reads the PUBLISH whose first byte is `first` and whose body is `data[position:stop]`.

    Raises:
        MalformedPacketError: a length points out of the packet.
    """
    try:
        topic_at = position + 2
        position = topic_at + (data[position] << 8 | data[position + 1])
        topic = data[topic_at:position]
        qos = first >> 1 & 3
        mid = 0
        if qos:
            mid = data[position] << 8 | data[position + 1]
            position += 2
        properties = None
        if v5:
            size = data[position]
            position += 1
            if size:
                properties, position = _read_properties(data, position - 1, stop)
    except IndexError:
        raise MalformedPacketError("a PUBLISH ends within its header") from None
    if position > stop or qos > 2:
        raise MalformedPacketError("a PUBLISH whose lengths or QoS are impossible")
    return Publish(topic, data[position:stop], mid, qos, bool(first & _RETAIN), bool(first & _DUP), properties)


def _read_properties(data: bytes, position: int, stop: int) -> tuple[Properties, int]:
    size, position = _variable_length(data, position, stop)
    end = position + size
    if position < 0 or end > stop:
        raise MalformedPacketError("properties longer than their packet")
    found = Properties(size, user=[])
    while position < end:
        position = _read_property(data, position, end, found)
    if position > end:
        raise MalformedPacketError("a property longer than the properties")
    return found, end


def _read_property(data: bytes, position: int, end: int, found: Properties) -> int:
    kind = data[position]
    position += 1
    if kind == _USER_PROPERTY:
        name, position = _binary(data, position)
        value, position = _binary(data, position)
        found.user.append((name.decode(errors="replace"), value))
    elif kind == _CORRELATION_DATA:
        found.correlation, position = _binary(data, position)
    elif kind == _RESPONSE_TOPIC:
        text, position = _binary(data, position)
        found.response_topic = text.decode(errors="replace")
    elif kind == _CONTENT_TYPE:
        text, position = _binary(data, position)
        found.content_type = text.decode(errors="replace")
    elif kind in _FIXED_LENGTHS:
        position += _FIXED_LENGTHS[kind]
    elif kind == _SUBSCRIPTION_ID:
        _, position = _variable_length(data, position, end)
    else:
        raise MalformedPacketError(f"property {kind:#x} in a PUBLISH")
    return position


def _binary(data: bytes, position: int) -> tuple[bytes, int]:
    start = position + 2
    end = start + (data[position] << 8 | data[position + 1])
    return data[start:end], end


def _variable_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Section 1.5.5: the value and the position behind it, which is -1 where the bytes end before it does."""
    value = 0
    for count in range(_MAX_LENGTH_BYTES):
        if position + count >= end:
            return 0, -1
        byte = data[position + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value, position + count + 1
    raise MalformedPacketError("a length of more than four bytes")


def write_acks(mids: Iterable[int]) -> bytes:
    """PUBACK packets of success, joined in the given order (section 3.4: two bytes of packet id are enough)."""
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])


def write_publish(topic: bytes, payload: bytes, mid: int, correlation: bytes = b"") -> bytes:
    """A PUBLISH of MQTT 5 at QoS 1, with Correlation Data where there is some."""
    properties = _prefixed(correlation, b"\x09") if correlation else b""
    body = b"".join(
        (_prefixed(topic), mid.to_bytes(2, "big"), _write_length(len(properties)), properties, payload),
    )
    return bytes((PUBLISH | _QOS_1,)) + _write_length(len(body)) + body


def as_duplicate(publish: bytes) -> bytes:
    """The same PUBLISH marked as sent before."""
    return bytes((publish[0] | _DUP,)) + publish[1:]


def _prefixed(content: bytes, kind: bytes = b"") -> bytes:
    return kind + len(content).to_bytes(2, "big") + content


def _write_length(length: int) -> bytes:
    written = bytearray()
    while length > 127:
        written.append(length & 127 | 128)
        length >>= 7
    written.append(length)
    return bytes(written)
