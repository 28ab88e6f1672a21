"""What holds while Kafka, the broker or the bridge itself is away."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.ingest_mqtt.conftest import StartBridge
from tests.integration.ingest_mqtt.device import Device

pytestmark = pytest.mark.integration


def _wait_receipts_or_end(player: Device, goal: int, sent: threading.Event) -> None:
    wait_until(lambda: len(player.receipts) >= goal or sent.is_set(), f"{goal} receipts", timeout=60)


class _Paused:
    """Kafka, stopped in its tracks and going on at the end."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __enter__(self) -> None:
        self._stack.kill("kafka", signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        self._stack.kill("kafka", signal.SIGCONT)


def test_without_kafka_nothing_is_acknowledged_and_the_connection_lives(
    stack: Stack, start_bridge: StartBridge, player: Device
) -> None:
    bridge = start_bridge(
        INGEST_MQTT_KEEPALIVE_S="5", INGEST_MQTT_STALLED_AFTER_S="3", INGEST_MQTT_RECEIVE_MAXIMUM="50"
    )
    player.publish(bridge.topic(), b"first", receipt=b"first")
    player.wait_receipts(1)
    with _Paused(stack):
        for number in range(200):
            player.publish(bridge.topic(), b"%d" % number, receipt=b"%d" % number)
        wait_until(lambda: bridge.metric("in_flight_messages") == 50, "a full window")
        wait_until(lambda: "Kafka has confirmed nothing" in bridge.problems(), "readiness to say so")
        # The broker ends a connection after 1.5 keepalives without a packet.
        wait_until(lambda: bridge.metric("oldest_unacked_seconds") > 12, "more than two keepalives")
        assert bridge.metric("mqtt_connections_total") == 1
        assert bridge.metric("mqtt_connected") == 1
        assert bridge.metric("acked_messages_total") == 1
        assert len(player.receipts) == 1
    player.wait_receipts(201)
    bridge.wait_ready()

    # Nothing was sent twice: the same connection went on.
    assert bridge.values() == [b"first", *(b"%d" % number for number in range(200))]
    assert bridge.metric("mqtt_connections_total") == 1


def test_qos_0_is_bounded_while_kafka_is_away(stack: Stack, start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge(INGEST_MQTT_QOS0_LIMIT="30")
    player.publish(bridge.topic(), b"first", receipt=b"first")
    player.wait_receipts(1)
    with _Paused(stack):
        for number in range(100):
            player.publish(bridge.topic(), b"%d" % number, qos=0)
        wait_until(lambda: bridge.metric("dropped_messages_total", reason="qos0_limit") == 70, "70 counted drops")
        assert bridge.metric("in_flight_messages") == 30
    wait_until(lambda: bridge.metric("in_flight_messages") == 0, "Kafka to take the others")

    assert bridge.values() == [b"first", *(b"%d" % number for number in range(30))]


def test_a_record_that_kafka_does_not_take_is_sent_again_by_the_broker(
    stack: Stack, start_bridge: StartBridge, player: Device
) -> None:
    bridge = start_bridge(INGEST_MQTT_DELIVERY_TIMEOUT_S="1")
    player.publish(bridge.topic(), b"first", receipt=b"first")
    player.wait_receipts(1)
    with _Paused(stack):
        for number in range(20):
            player.publish(bridge.topic(), b"%d" % number, receipt=b"%d" % number)
        wait_until(lambda: bridge.metric("mqtt_connections_total") >= 2, "another connection")
        assert bridge.metric("acked_messages_total") == 1
        assert bridge.metric("abandoned_messages_total") >= 20
    player.wait_receipts(21)
    wait_until(lambda: bridge.metric("in_flight_messages") == 0, "Kafka to take all")

    assert set(bridge.values()) == {b"first", *(b"%d" % number for number in range(20))}
    assert bridge.metric("redelivered_messages_total") >= 20
    assert bridge.metric("failed_deliveries_total") >= 20


def test_kill_9_of_the_bridge_loses_nothing_that_was_receipted(start_bridge: StartBridge, player: Device) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - a failure is repeated with it
    draw = random.Random(seed)
    bridge = start_bridge()
    sent = threading.Event()

    def publish() -> None:
        for number in range(4_000):
            player.publish(bridge.topic(f"m{number % 7}"), b"%d" % number, receipt=b"%d" % number).wait_for_publish(60)
        sent.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    for _ in range(3):
        goal = len(player.receipts) + draw.randrange(200, 600)
        _wait_receipts_or_end(player, goal, sent)
        bridge.end()
        bridge.start(ready=False)
    publisher.join(90)
    player.wait_receipts(4_000, timeout=60)
    places = {(record.partition, record.offset): record.value for record in bridge.records()}

    for number, receipt in player.receipts.items():
        assert places[receipt["partition"], receipt["offset"]] == number
    assert {int(value) for value in places.values()} == set(range(4_000))


def test_sigterm_acknowledges_what_kafka_has_and_keeps_the_session(start_bridge: StartBridge, player: Device) -> None:
    bridge = start_bridge()
    for number in range(300):
        player.publish(bridge.topic(), b"%d" % number, receipt=b"%d" % number)
    bridge.send(signal.SIGTERM)
    assert bridge.wait_end() == 0
    player.publish(bridge.topic(), b"while away", receipt=b"while away").wait_for_publish(10)
    bridge.start()
    player.wait_receipts(301)

    values = bridge.values()
    assert set(values) == {b"while away", *(b"%d" % number for number in range(300))}
    # What was acknowledged is not sent again.
    assert len(values) == 301


def test_the_session_goes_on_when_the_broker_comes_back(
    stack: Stack, start_bridge: StartBridge, player: Device
) -> None:
    bridge = start_bridge()
    player.publish(bridge.topic(), b"1", receipt=b"1")
    player.wait_receipts(1)
    stack.stop("mosquitto")
    wait_until(lambda: "mqtt" in bridge.problems(), "readiness to name the broker")
    stack.up("mosquitto")
    bridge.wait_ready()
    player.publish(bridge.topic(), b"2", receipt=b"2")
    wait_until(lambda: b"2" in bridge.values(), "the next message")

    assert bridge.metric("mqtt_connections_total") == 2


def test_two_bridges_with_one_client_id_are_warned_of(start_bridge: StartBridge) -> None:
    first = start_bridge()
    start_bridge(name=first.name)

    wait_until(lambda: "another client may use the same client id" in first.log.read_text(), "the warning")
