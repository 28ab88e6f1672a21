"""The load generator's own MQTT client, against a real broker and a subscriber of another make."""

from __future__ import annotations

import asyncio
import queue

import paho.mqtt.client as paho
import pytest

from deploy.local.stack import Stack
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher, Receipt
from tests.integration.loadtest.subscriber import correlation_data, subscriber

pytestmark = pytest.mark.integration


def messages(count: int, topic: str) -> list[Message]:
    return [Message(topic_field(f"{topic}/{number % 7}"), b'{"flow": %d}' % number, number) for number in range(count)]


def drawn(arrived: queue.Queue[paho.MQTTMessage], count: int) -> list[paho.MQTTMessage]:
    return [arrived.get(timeout=20) for _ in range(count)]


def test_another_client_gets_every_message_in_order_with_its_properties(broker: Stack) -> None:
    count = 5_000
    receipts: list[Receipt] = []

    async def run() -> Publisher:
        async with Publisher(
            "127.0.0.1", broker.ports.mqtt, "sender", window=300, on_receipts=receipts.extend
        ) as sender:
            await sender.publish(messages(count, "properties"))
            await sender.drain(30)
            async with asyncio.timeout(30):
                while len(receipts) < count:
                    await asyncio.sleep(0.02)
        return sender

    with subscriber(broker, "properties/#", answers=True) as arrived:
        sender = asyncio.run(run())
        got = drawn(arrived, count)
    assert [message.payload for message in got] == [message.payload for message in messages(count, "properties")]
    assert {(message.qos, message.dup) for message in got} == {(1, False)}
    assert {message.topic for message in got} == {f"properties/{number}" for number in range(7)}
    numbers = [int.from_bytes(correlation_data(message), "big") for message in got]
    assert numbers == list(range(count))
    assert [receipt.number for receipt in receipts] == list(range(count))
    assert {receipt.body for receipt in receipts} == {b"seen"}
    assert (sender.acknowledged, sender.unacknowledged, sender.refused) == (count, 0, [])


def test_large_and_empty_bodies_keep_their_length(broker: Stack) -> None:
    bodies = [b"", b"x", b"y" * 127, b"z" * 20_000, b"w" * 3_000_000]

    async def run() -> None:
        async with Publisher("127.0.0.1", broker.ports.mqtt, "sizes") as sender:
            await sender.publish([Message(topic_field("sizes"), body, 0) for body in bodies])
            await sender.drain(30)

    with subscriber(broker, "sizes") as arrived:
        asyncio.run(run())
        assert [message.payload for message in drawn(arrived, len(bodies))] == bodies


def test_what_is_unacknowledged_is_sent_again_after_the_broker_was_killed(broker: Stack) -> None:
    count = 2_000

    async def run() -> Publisher:
        async with Publisher("127.0.0.1", broker.ports.mqtt, "resender") as sender:
            await sender.publish(messages(10, "again"))
            await sender.drain(30)
            broker.kill("mosquitto")
            sending = asyncio.create_task(sender.publish(messages(count, "again")))
            await asyncio.to_thread(broker.up, "mosquitto")
            await sending
            await sender.drain(60)
        return sender

    sender = asyncio.run(run())
    assert (sender.acknowledged, sender.unacknowledged, sender.reconnects) == (count + 10, 0, 1)


def test_a_refused_connection_says_so() -> None:
    async def run() -> None:
        async with Publisher("127.0.0.1", 9, "nobody"):
            pass

    with pytest.raises(OSError, match="9"):
        asyncio.run(run())
