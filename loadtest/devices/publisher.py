"""An MQTT 5 publisher at QoS 1 that costs a few µs of CPU a message, since it shares two cores with what it loads.

Many PUBLISH packets leave in one write and PUBACKs are read in bulk. An ordinary client spends more than the bridge.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from loadtest.devices import mqtt_packets as mqtt

_SESSION_EXPIRY_S = 3_600
_KEEPALIVE_S = 60
_RECONNECT_S = 0.2
_MOST_PACKET_IDS = 65_000
_READ_EVERY_S = 0.005
"""The broker sends PUBACKs one by one; read at once, each would cost a wake-up of its own."""


class Message(NamedTuple):
    """What to publish. `topic` is made by `mqtt_packets.topic_field`; `number` is what receipts name."""

    topic: bytes
    payload: bytes
    number: int


class Receipt(NamedTuple):
    """The bridge's answer to one message: its number and the JSON body that says where it went."""

    number: int
    body: bytes


class Publisher:
    """One MQTT connection that publishes at QoS 1 and reconnects by itself.

    >>> async with Publisher("127.0.0.1", 1883, "meters") as publisher:
    ...     await publisher.publish([Message(topic_field("devices/m1/telemetry"), b'{"flow": 1.5}', 0)])
    ...     await publisher.drain(10)

    At most `window` messages are unacknowledged, fewer where the broker says so. After a lost connection what is
    unacknowledged is sent again, in order and with DUP. With `on_receipts` each message asks for a receipt (Response
    Topic and its number as Correlation Data, 8 bytes big-endian) and the callback gets them as they come.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        *,
        window: int = 2_000,
        on_receipts: Callable[[list[Receipt]], None] | None = None,
    ) -> None:
        self.acknowledged = 0
        self.refused: list[int] = []
        self.reconnects = 0
        self._address = (host, port)
        self._client_id = client_id
        self._window = self._allowed = min(window, _MOST_PACKET_IDS)
        self._on_receipts = on_receipts
        self._response_topic = f"receipts/{client_id}" if on_receipts else None
        self._properties, self._correlation_bytes = mqtt.publish_properties(self._response_topic)
        self._unacknowledged: dict[int, tuple[bytes, int]] = {}
        self._last_id = 1
        self._progress = asyncio.Event()
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Publisher":
        await self._open()
        self._keeper = asyncio.create_task(self._keep_connected())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._connection:
            self._connection.close()

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return len(self._unacknowledged)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Sends messages in order; waits while the window is full or the connection is away."""
        start = 0
        while start < len(messages):
            free = self._allowed - len(self._unacknowledged)
            if free <= 0 or not self._is_open:
                await self._wait()
                continue
            self._send(messages[start : start + free])
            start += free
            await asyncio.sleep(0)

    async def drain(self, timeout: float) -> None:
        """Waits until the broker has acknowledged everything. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while self._unacknowledged:
                await self._wait()

    @property
    def _is_open(self) -> bool:
        return self._connection is not None and self._connection.is_writable

    def _send(self, messages: Sequence[Message]) -> None:
        packets = []
        properties, correlation_bytes, publish = self._properties, self._correlation_bytes, mqtt.publish
        for topic, payload, number in messages:
            packet_id = self._next_id()
            own = properties + number.to_bytes(8, "big") if correlation_bytes else properties
            packet = publish(topic, packet_id, own, payload)
            self._unacknowledged[packet_id] = (packet, number)
            packets.append(packet)
        self._write(b"".join(packets))

    def _next_id(self) -> int:
        packet_id = self._last_id
        while True:
            packet_id = packet_id % 65_535 + 1
            # Id 1 belongs to the subscription.
            if packet_id != 1 and packet_id not in self._unacknowledged:
                self._last_id = packet_id
                return packet_id

    def _write(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.write(data)

    async def _wait(self) -> None:
        self._progress.clear()
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._progress.wait(), 1.0)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        connection = _Connection(self)
        await loop.create_connection(lambda: connection, *self._address)
        connection.write(mqtt.connect(self._client_id, _SESSION_EXPIRY_S, _KEEPALIVE_S))
        connected = await asyncio.wait_for(connection.connected, 10)
        if connected.reason:
            raise ConnectionRefusedError(f"the broker refused the connection with reason {connected.reason:#04x}")
        self._allowed = min(self._window, connected.receive_maximum)
        if self._response_topic:
            connection.write(mqtt.subscribe(1, self._response_topic))
            await asyncio.wait_for(connection.subscribed, 10)
        unacknowledged = [mqtt.as_duplicate(packet) for packet, _ in self._unacknowledged.values()]
        self._connection = connection
        connection.write(b"".join(unacknowledged))
        self._progress.set()

    async def _keep_connected(self) -> None:
        while True:
            while self._connection is None:
                await asyncio.sleep(_RECONNECT_S)
                with contextlib.suppress(OSError, TimeoutError):
                    await self._open()
                    self.reconnects += 1
            await _ping_until_lost(self._connection)
            self._connection = None

    def _acknowledge(self, packet_ids: Sequence[int]) -> None:
        unacknowledged = self._unacknowledged
        for packet_id in packet_ids:
            if unacknowledged.pop(packet_id, None) is not None:
                self.acknowledged += 1
        self._progress.set()

    def _refuse(self, packet_id: int) -> None:
        refused = self._unacknowledged.pop(packet_id, None)
        if refused is not None:
            self.refused.append(refused[1])
        self._progress.set()

    def _receive(self, delivered: list[mqtt.Delivered]) -> None:
        if self._on_receipts:
            ours = [m for m in delivered if len(m.correlation) == 8]
            self._on_receipts([Receipt(int.from_bytes(m.correlation, "big"), m.payload) for m in ours])


class _Connection(asyncio.Protocol):
    """One TCP connection: splits what comes into packets and hands them to the publisher."""

    def __init__(self, publisher: Publisher) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[mqtt.Connected] = loop.create_future()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self.lost = asyncio.Event()
        self.is_writable = False
        self._publisher = publisher
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream protocol gets a stream transport
        self._transport = transport
        transport.set_write_buffer_limits(high=1_048_576)
        self.is_writable = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_writable = False
        self.lost.set()
        for waiting in (self.connected, self.subscribed):
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the broker closed the connection"))
                # Nobody may be waiting for it, which is no error.
                waiting.exception()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        self._publisher._progress.set()

    def write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.write(mqtt.DISCONNECT)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        self._rest_from_reading()
        packet_ids = mqtt.acknowledged(data)
        if packet_ids is not None:
            self._rest = b""
            self._publisher._acknowledge(packet_ids)
            return
        packets, self._rest = mqtt.split(data)
        self._take(packets)

    def _rest_from_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(_READ_EVERY_S, self._transport.resume_reading)

    def _take(self, packets: list[tuple[int, bytes]]) -> None:
        acknowledged: list[int] = []
        delivered: list[mqtt.Delivered] = []
        for first, body in packets:
            kind = first & 0xF0
            if kind == mqtt.PUBACK:
                packet_id, reason = mqtt.parse_puback(body)
                if reason < 0x80:
                    acknowledged.append(packet_id)
                else:
                    self._publisher._refuse(packet_id)
            elif kind == mqtt.PUBLISH:
                delivered.append(mqtt.parse_publish(first, body))
            elif kind == mqtt.CONNACK:
                self.connected.set_result(mqtt.parse_connack(body))
            elif kind == mqtt.SUBACK:
                self.subscribed.set_result(None)
        if acknowledged:
            self._publisher._acknowledge(acknowledged)
        if delivered:
            self._publisher._receive(delivered)
            self.write(b"".join(mqtt.puback(message.packet_id) for message in delivered if message.packet_id))


async def _ping_until_lost(connection: _Connection) -> None:
    while True:
        try:
            await asyncio.wait_for(connection.lost.wait(), _KEEPALIVE_S / 2)
            return
        except TimeoutError:
            connection.write(mqtt.PINGREQ)
