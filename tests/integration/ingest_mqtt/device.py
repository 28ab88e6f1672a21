"""An ordinary MQTT client that plays a device."""

from __future__ import annotations

import json
import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from headrace.testing import wait_until


class Device:
    """Publishes, and collects the receipts that come to its Response Topic."""

    def __init__(self, client: paho.Client, response_topic: str) -> None:
        self._client = client
        self._response_topic = response_topic
        self.receipts: dict[bytes, dict[str, Any]] = {}
        client.on_message = self._on_message

    def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int = 1,
        retain: bool = False,
        receipt: bytes | None = None,
        user: list[tuple[str, str]] | None = None,
        response_topic: str | None = None,
    ) -> paho.MQTTMessageInfo:
        """Publishes; with `receipt` as Correlation Data where that is given."""
        properties = None
        if receipt is not None or user:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
            if receipt is not None:
                properties.CorrelationData = receipt
                properties.ResponseTopic = response_topic or self._response_topic
            if user:
                properties.UserProperty = user
        return self._client.publish(topic, payload, qos, retain, properties)

    def wait_receipts(self, count: int, timeout: float = 30) -> None:
        wait_until(lambda: len(self.receipts) >= count, f"{count} receipts", timeout)

    def _on_message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        data: bytes = message.properties.CorrelationData  # type: ignore[union-attr]  # paho sets it by name
        self.receipts[data] = json.loads(message.payload)


@contextmanager
def device(port: int, name: str, tls: ssl.SSLContext | None = None) -> Iterator[Device]:
    """A connected device that is subscribed to its receipts."""
    subscribed: queue.Queue[None] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(1_000)
    client.on_subscribe = lambda *_: subscribed.put(None)
    if tls is not None:
        client.tls_set_context(tls)
    client.connect("127.0.0.1", port)
    client.subscribe(f"receipts/{name}", qos=1)
    player = Device(client, f"receipts/{name}")
    client.loop_start()
    try:
        subscribed.get(timeout=10)
        yield player
    finally:
        client.disconnect()
        client.loop_stop()
