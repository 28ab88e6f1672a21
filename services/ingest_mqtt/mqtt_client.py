"""paho's client with another way to read and to acknowledge; the only module that touches what paho keeps private.

paho reads a packet with four or more `recv` calls and sends each ack with a system call of its own: 73 µs of CPU a
message, together with librdkafka. Here one `recv` takes what is there, its PUBLISH packets are handed over as a list,
and acks go out joined. All else (connecting, TLS, CONNACK, SUBACK, keepalive, DISCONNECT) stays paho's. Each assumption
on paho's inner names has a test in `tests/unit/ingest_mqtt/test_mqtt_client.py`; pyproject pins paho's minor version.
"""

import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from ingest_mqtt.mqtt_packets import PUBACK, MalformedPacketError, OtherPacket, PacketReader, Publish

READ_BYTES = 65_536
"""Bytes of one `recv`. glibc gets blocks over 128 kB fresh from the system at each call."""


class MqttClient(Client):
    """A client whose owner calls `loop_read`, `loop_write` and `loop_misc` on one thread.

    Args:
        on_publishes: takes the PUBLISH packets of one read, in order.
        on_puback: takes the packet id of a PUBACK.
    """

    def __init__(
        self,
        client_id: str,
        v5: bool,
        on_publishes: Callable[[list[Publish]], None],
        on_puback: Callable[[int], None],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if v5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._reader = PacketReader(v5)
        self._on_publishes = on_publishes
        self._on_puback = on_puback

    def reconnect(self) -> MQTTErrorCode:
        """Connects anew; waits for the network, not for the broker's answer.

        Raises:
            OSError: the broker cannot be reached.
        """
        self._reader.clear()
        # Low packet ids are left to SUBSCRIBE, of which there is one a connection; receipts have their own.
        self._last_mid = 0
        return super().reconnect()

    def send_packets(self, packets: bytes) -> None:
        """Sends whole packets as one piece. What does not fit into the socket now follows by `loop_write`."""
        # paho looks at the command only where it is PUBLISH or DISCONNECT, so joined packets may go as one PUBACK.
        self._packet_queue(PUBACK, packets, 0, 1)

    def drop_connection(self) -> None:
        """Closes the socket without DISCONNECT: the broker keeps the session, and sends again what has no ack."""
        self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)

    def excuse_silence(self) -> None:
        """Says that nothing was read on purpose, so that an answer to a ping that waits unread ends no connection."""
        self._ping_t = 0.0
        self._last_bytes_received = time.monotonic()

    def _packet_read(self) -> MQTTErrorCode:
        while True:
            try:
                chunk = self._sock_recv(READ_BYTES)
            except BlockingIOError:
                return MQTTErrorCode.MQTT_ERR_AGAIN
            except OSError:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            if not chunk:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            self._last_bytes_received = time.monotonic()
            try:
                rc = self._handle(self._reader.feed(chunk))
            except MalformedPacketError:
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            if rc or self._sock is None or not self._more_is_decrypted():
                return rc

    def _handle(self, packets: list[Publish | OtherPacket]) -> MQTTErrorCode:
        publishes: list[Publish] = []
        for packet in packets:
            if isinstance(packet, Publish):
                publishes.append(packet)
                continue
            if publishes:
                self._on_publishes(publishes)
                publishes = []
            rc = self._handle_other(*packet)
            if rc or self._sock is None:
                return rc
        if publishes:
            self._on_publishes(publishes)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_other(self, first: int, body: bytes) -> MQTTErrorCode:
        if first == PUBACK:
            self._on_puback(int.from_bytes(body[:2], "big"))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        self._in_packet = {
            "command": first,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        return self._packet_handle()

    def _more_is_decrypted(self) -> bool:
        """Whether TLS holds bytes that `poll` on the socket would not report."""
        pending: Callable[[], Any] | None = getattr(self._sock, "pending", None)
        return pending is not None and pending() > 0
