"""From the broker to Kafka: bytes, headers, dead letters and receipts, on the real ones."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from headrace.deadletter import DeadLetter
from headrace.errors import Reason
from headrace.testing import wait_until
from tests.integration.ingest_mqtt.bridge_process import Bridge
from tests.integration.ingest_mqtt.conftest import StartBridge
from tests.integration.ingest_mqtt.device import Device

pytestmark = pytest.mark.integration


def _letters(bridge: Bridge) -> list[DeadLetter]:
    records = bridge.records("deadletters")
    return [DeadLetter.from_record(record.value, record.key, list(record.headers.items())) for record in records]


def _wait_acked(bridge: Bridge, count: int) -> None:
    wait_until(lambda: bridge.metric("acked_messages_total") == count, f"{count} acks")


def test_a_message_arrives_with_its_bytes_key_and_headers(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    user = [("fw", "1.2"), ("traceparent", trace)]
    player.publish(bridge.topic("m1"), b"\xff\x00\xfe", receipt=b"\x01\x02", user=user)
    player.wait_receipts(1)
    [record] = bridge.records()

    assert record.key == f"{bridge.name}/m1".encode()
    assert record.value == b"\xff\x00\xfe"
    assert record.headers.pop("received").isdigit()
    assert record.headers == {
        "format": b"json",
        "mqtt.topic": bridge.topic("m1").encode(),
        "mqtt.qos": b"1",
        "message_id": b"0102",
        "user.fw": b"1.2",
        "traceparent": trace.encode(),
    }
    place = {"topic": "readings.raw", "partition": record.partition, "offset": record.offset}
    assert player.receipts == {b"\x01\x02": {"status": "accepted", **place}}


def test_a_devices_messages_keep_their_order(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge()
    for number in range(2_000):
        player.publish(bridge.topic(f"m{number % 5}"), b"%d" % number, receipt=b"%d" % number)
    player.wait_receipts(2_000)
    by_device: dict[bytes | None, list[int]] = {}
    for record in bridge.records():
        by_device.setdefault(record.key, []).append(int(record.value))

    assert sorted(number for numbers in by_device.values() for number in numbers) == list(range(2_000))
    assert all(numbers == sorted(numbers) for numbers in by_device.values())
    assert len(by_device) == 5


def test_bad_messages_are_dead_letters_and_the_others_go_on(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge()
    body = b"x" * 10_000_000
    player.publish(bridge.topic(), b"1", receipt=b"before")
    player.publish(bridge.topic(), body, receipt=b"large")
    player.publish(bridge.topic(rest="unknown"), b"2", receipt=b"unknown")
    player.publish(bridge.topic(), b"", receipt=b"empty")
    player.publish(bridge.topic(), b"3", receipt=b"after")
    player.wait_receipts(5)
    letters = {letter.reason: letter for letter in _letters(bridge)}

    assert bridge.values() == [b"1", b"", b"3"]
    assert set(letters) == {Reason.TOO_LARGE, Reason.NO_ROUTE}
    large = letters[Reason.TOO_LARGE]
    assert (large.length, large.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert letters[Reason.NO_ROUTE].value == b"2"
    told = {name: (receipt["status"], receipt.get("reason")) for name, receipt in player.receipts.items()}
    assert told[b"large"] == ("dead_letter", "too_large")
    assert told[b"unknown"] == ("dead_letter", "no_route")
    assert told[b"after"] == ("accepted", None)
    _wait_acked(bridge, 5)


def test_a_stored_message_is_marked_and_comes_once_over_reconnects(start_bridge: StartBridge, player: Device) -> None:
    name = f"t{uuid.uuid4().hex[:12]}"
    player.publish(f"{name}/devices/m1/telemetry", b"old", retain=True).wait_for_publish(10)
    bridge = start_bridge(name)
    try:
        wait_until(lambda: len(bridge.records()) == 1, "the stored message")
        player.publish(bridge.topic(), b"new", retain=True, receipt=b"new")
        player.wait_receipts(1)
        bridge.end()
        bridge.start()
        player.publish(bridge.topic("m2"), b"last", receipt=b"last")
        player.wait_receipts(2)
        marks = [(record.value, record.headers.get("mqtt.retain")) for record in bridge.records()]
    finally:
        player.publish(bridge.topic(), b"", retain=True).wait_for_publish(10)

    # "new" was published with the flag too, but it is a new reading when it comes.
    assert sorted(marks, key=str) == [(b"last", None), (b"new", None), (b"old", b"1")]


def test_nothing_is_published_to_a_response_topic_that_is_an_input(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge()
    player.publish(bridge.topic("m1"), b"1", receipt=b"a", response_topic=bridge.topic("victim"))
    player.publish(bridge.topic("m1"), b"2", receipt=b"b")
    player.wait_receipts(1)

    assert [record.key for record in bridge.records()] == [f"{bridge.name}/m1".encode()] * 2
    assert bridge.metric("receipts_total", outcome="refused") == 1


def test_mqtt_3_1_1_forwards_and_acknowledges(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge(INGEST_MQTT_MQTT_VERSION="3.1.1")
    for number in range(100):
        player.publish(bridge.topic(), b"%d" % number, receipt=b"%d" % number)
    _wait_acked(bridge, 100)

    assert bridge.values() == [b"%d" % number for number in range(100)]
    assert player.receipts == {}


def test_a_shared_subscription_spreads_messages_and_loses_none(start_bridge: StartBridge, player: Device) -> None:
    settings = {"INGEST_MQTT_SHARED_GROUP": "g", "INGEST_MQTT_INSTANCES": "2"}
    first = start_bridge(**settings)
    second = start_bridge(name=first.name, INGEST_MQTT_INSTANCE="1", **settings)
    for number in range(400):
        player.publish(first.topic(f"m{number % 20}"), b"%d" % number, receipt=b"%d" % number)
    player.wait_receipts(400)

    assert sorted(int(value) for value in first.values()) == list(range(400))
    assert first.metric("forwarded_records_total") + second.metric("forwarded_records_total") == 400
    assert second.metric("forwarded_records_total") > 0


def test_instances_by_hash_take_each_device_whole(start_bridge: StartBridge, player: Device) -> None:
    first = start_bridge(INGEST_MQTT_INSTANCES="2")
    second = start_bridge(name=first.name, INGEST_MQTT_INSTANCES="2", INGEST_MQTT_INSTANCE="1")
    for number in range(400):
        player.publish(first.topic(f"m{number % 20}"), b"%d" % number, receipt=b"%d" % number)
    player.wait_receipts(400)
    values = first.values()

    assert sorted(int(value) for value in values) == list(range(400))
    for bridge in (first, second):
        _wait_acked(bridge, 400)
        assert bridge.metric("forwarded_records_total") in range(1, 400)
