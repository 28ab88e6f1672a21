"""paho as the tests need it: connected on entry, ended on exit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.local.stack import Stack

_DEADLINE_S = 20


def subscribe(client: Client, topic_filter: str) -> None:
    """Subscribe at QoS 1 and return when the broker confirmed it."""
    confirmed = threading.Event()
    client.on_subscribe = lambda *arguments: confirmed.set()
    client.subscribe(topic_filter, qos=1)
    if not confirmed.wait(_DEADLINE_S):
        raise TimeoutError(f"no SUBACK for {topic_filter}")


def bodies(client: Client) -> list[bytes]:
    """Every message body that came since the connection was opened."""
    received: list[bytes] = client.user_data_get()
    return received


@contextmanager
def connected(stack: Stack) -> Iterator[Client]:
    """An MQTT 5 client with a clean session."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    with _running(client, stack, clean=True, expiry_s=0):
        yield client


@contextmanager
def persistent(stack: Stack, client_id: str) -> Iterator[Client]:
    """An MQTT 5 client whose session outlives its connection by an hour."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
    with _running(client, stack, clean=False, expiry_s=3_600):
        yield client


@contextmanager
def _running(client: Client, stack: Stack, *, clean: bool, expiry_s: int) -> Iterator[None]:
    received: list[bytes] = []
    client.user_data_set(received)
    client.on_message = lambda client, data, message: received.append(bytes(message.payload))
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = expiry_s
    up = threading.Event()
    client.on_connect = lambda *arguments: up.set()
    client.connect(stack.host, stack.ports.mqtt, clean_start=clean, properties=properties)
    client.loop_start()
    try:
        if not up.wait(_DEADLINE_S):
            raise TimeoutError("no CONNACK")
        yield
    finally:
        client.disconnect()
        client.loop_stop()
