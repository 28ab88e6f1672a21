"""A subscriber of another make than the publisher under test."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.local.stack import Stack


@contextmanager
def subscriber(broker: Stack, topic_filter: str, *, answers: bool = False) -> Iterator[queue.Queue[paho.MQTTMessage]]:
    """What arrives at an ordinary client, which sends a receipt for each where it `answers`."""
    arrived: queue.Queue[paho.MQTTMessage] = queue.Queue()
    subscribed: queue.Queue[None] = queue.Queue()

    def on_message(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        arrived.put(message)
        if answers:
            reply = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
            reply.CorrelationData = correlation_data(message)
            response_topic = message.properties.ResponseTopic  # type: ignore[union-attr]  # paho sets it by name
            client.publish(response_topic, b"seen", qos=1, properties=reply)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.on_message = on_message
    client.connect("127.0.0.1", broker.ports.mqtt)
    client.subscribe(topic_filter, qos=1)
    client.loop_start()
    try:
        subscribed.get(timeout=10)
        yield arrived
    finally:
        client.disconnect()
        client.loop_stop()


def correlation_data(message: paho.MQTTMessage) -> bytes:
    data = message.properties.CorrelationData  # type: ignore[union-attr]  # paho sets it by name
    assert isinstance(data, bytes)
    return data
