"""What a connection does with a broker's answers, over a real socket whose other end the test holds."""

import socket
import struct
from collections.abc import Iterator

import pytest

from headrace.errors import ConfigurationError
from ingest_mqtt.mqtt_packets import Publish, write_publish
from tests.unit.ingest_mqtt.broker_end import CONNACK, BrokerEnd

_REFUSED = b"\x20\x03\x00\x87\x00"
_TAKEN_OVER = b"\xe0\x02\x8e\x00"


class _Bridge:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_up(self, receive_maximum: int) -> None:
        self.told.append(("up", receive_maximum))

    def on_down(self) -> None:
        self.told.append("down")

    def on_publishes(self, publishes: list[Publish]) -> None:
        self.told.extend(publish.payload for publish in publishes)

    def on_puback(self, mid: int) -> None:
        self.told.append(mid)


@pytest.fixture
def bridge() -> _Bridge:
    return _Bridge()


@pytest.fixture
def broker(bridge: _Bridge) -> Iterator[BrokerEnd]:
    broker = BrokerEnd(bridge)
    yield broker
    broker.close()


def test_connects_to_a_session_that_outlives_the_connection(broker: BrokerEnd) -> None:
    connect = broker.accept()

    clean_start = connect[9] & 0x02
    assert not clean_start
    assert b"\x11" + struct.pack(">I", 77) in connect  # Session Expiry Interval
    assert b"\x21" + struct.pack(">H", 50) in connect  # Receive Maximum


def test_subscribes_at_qos_1_on_every_connection_and_asks_for_stored_messages_once(broker: BrokerEnd) -> None:
    for _ in range(2):
        broker.now += 100
        broker.accept()
        broker.send(CONNACK)
        subscribe = broker.receive()
        # Retain Handling 1, Retain As Published 0, No Local 0.
        assert b"\x00\x03a/#\x11" in subscribe
        assert b"\x00\x03b/#\x11" in subscribe
        assert b"\x00\x06$SYS/x\x00" in subscribe
        broker.connection.drop("again")


def test_is_ready_when_subscribed_and_tells_the_brokers_receive_maximum(broker: BrokerEnd, bridge: _Bridge) -> None:
    assert broker.connection.problem is not None
    broker.subscribed(1, 1, 0)

    assert broker.connection.is_up
    assert bridge.told == [("up", 7)]


@pytest.mark.parametrize("reasons", [(1, 0x87, 0), (0, 1, 0)])
def test_a_subscription_that_is_refused_or_granted_at_qos_0_ends_the_process(
    broker: BrokerEnd, reasons: tuple[int, ...]
) -> None:
    with pytest.raises(ConfigurationError, match=r"subscription to '[ab]/#'"):
        broker.subscribed(*reasons)


def test_drops_that_may_not_be_watched_end_nothing(broker: BrokerEnd) -> None:
    broker.subscribed(1, 1, 0x87)

    assert broker.connection.problem is None


def test_another_client_in_the_session_ends_the_process(broker: BrokerEnd) -> None:
    broker.subscribed(1, 1, 0)

    with pytest.raises(ConfigurationError, match="taken over the session 'c'"):
        broker.send(_TAKEN_OVER)


def test_a_refused_connection_is_tried_again_later_and_named(broker: BrokerEnd) -> None:
    broker.accept()
    broker.send(_REFUSED)

    assert "Not authorized" in str(broker.connection.problem)
    assert not broker.connection.is_up
    broker.now += 100
    assert broker.accept()


def test_the_end_of_a_connection_is_told_before_messages_of_the_next(broker: BrokerEnd, bridge: _Bridge) -> None:
    broker.subscribed(1, 1, 0)
    broker.send(write_publish(b"a/1", b"first", 1))
    broker.connection.drop("why")
    assert broker.connection.problem == "why"
    broker.now += 100
    broker.subscribed(1, 1, 0)
    broker.send(write_publish(b"a/1", b"again", 1))

    assert bridge.told == [("up", 7), b"first", "down", ("up", 7), b"again"]


def test_waits_longer_between_tries_that_fail(broker: BrokerEnd) -> None:
    broker.close()
    tries = 0
    for _ in range(1_000):
        broker.now += 0.01
        before = broker.connection._next_try
        broker.connection.turn(0)
        tries += broker.connection._next_try != before

    # 10 s: after 0.2, 0.4, 0.8, 1.6, 3.2 s and then each 5 s, halved at most by chance.
    assert 4 <= tries <= 12


def test_closing_sends_what_is_queued_and_waits_for_the_broker(broker: BrokerEnd) -> None:
    broker.subscribed(1, 1, 0)
    broker.connection.send(b"\x40\x02\x00\x01")
    assert broker.peer is not None
    broker.peer.shutdown(socket.SHUT_WR)
    broker.connection.close(5)

    assert broker.receive() == b"\x40\x02\x00\x01\xe0\x00"
    assert broker.receive() == b""
