"""What `MqttClient` takes for granted of paho's inside, each against a real socket whose other end the test holds."""

import select
import socket
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from ingest_mqtt.mqtt_client import MqttClient
from ingest_mqtt.mqtt_packets import Publish, write_acks, write_publish

_CONNACK = b"\x20\x03\x00\x00\x00"


class _Wire:
    """A connected client, the broker's end of its socket, and what the client has handed over."""

    def __init__(self, keepalive: int = 60) -> None:
        self.events: list[str] = []
        self.publishes: list[list[bytes]] = []
        self.pubacks: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.client = MqttClient("c", True, self._take, self.pubacks.append)
        self.client.on_connect = lambda *_: self.events.append("connect")
        self.client.on_disconnect = lambda *_: self.events.append("disconnect")
        self.client.connect_async("127.0.0.1", self._listener.getsockname()[1], keepalive, clean_start=False)
        self.broker = self._connect()

    def _take(self, publishes: list[Publish]) -> None:
        self.publishes.append([publish.payload for publish in publishes])

    def _connect(self) -> socket.socket:
        self.client.reconnect()
        broker, _ = self._listener.accept()
        broker.settimeout(5)
        return broker

    def accept(self) -> None:
        """Takes CONNECT and answers it."""
        assert self.broker.recv(4_096)[0] == 0x10
        self.send(_CONNACK)

    def reconnect(self) -> None:
        self.broker.close()
        self.broker = self._connect()
        self.accept()

    def send(self, packets: bytes) -> MQTTErrorCode:
        self.broker.sendall(packets)
        return self.read()

    def read(self) -> MQTTErrorCode:
        sock: Any = self.client.socket()
        select.select([sock], [], [], 5)
        return self.client.loop_read()

    def close(self) -> None:
        self.client.drop_connection()
        self.broker.close()
        self._listener.close()


@pytest.fixture
def wire() -> Iterator[_Wire]:
    wire = _Wire()
    wire.accept()
    yield wire
    wire.close()


def test_this_is_the_paho_that_was_looked_into() -> None:
    assert version("paho-mqtt").startswith("2.2.")


def test_loop_read_comes_to_the_overridden_method_and_connack_to_paho(wire: _Wire) -> None:
    assert Client._packet_read is not MqttClient._packet_read
    assert wire.events == ["connect"]
    assert wire.client.is_connected()


def test_the_publishes_of_one_read_come_as_one_list(wire: _Wire) -> None:
    wire.send(b"".join(write_publish(b"t", b"%d" % number, number + 1) for number in range(50)))

    assert wire.publishes == [[b"%d" % number for number in range(50)]]


def test_what_comes_between_publishes_is_handled_in_its_place(wire: _Wire) -> None:
    wire.send(write_publish(b"t", b"a", 1) + write_acks([2_000]) + write_publish(b"t", b"b", 2) + b"\xe0\x00")

    assert wire.publishes == [[b"a"], [b"b"]]
    assert wire.pubacks == [2_000]
    assert wire.events == ["connect", "disconnect"]


def test_half_a_packet_of_an_ended_connection_is_forgotten(wire: _Wire) -> None:
    wire.send(write_publish(b"t", b"a", 1)[:-1])
    wire.client.drop_connection()
    wire.reconnect()
    wire.send(write_publish(b"t", b"b", 1))

    assert wire.publishes == [[b"b"]]


def test_joined_packets_leave_as_they_are_even_when_the_socket_is_full(wire: _Wire) -> None:
    acks = write_acks(list(range(1, 65_536)) * 40)
    wire.client.send_packets(acks)
    assert wire.client.want_write()
    got = bytearray()
    while len(got) < len(acks):
        if wire.client.want_write():
            wire.client.loop_write()
        got += wire.broker.recv(1 << 20)

    assert got == acks


def test_dropping_sends_no_disconnect_and_tells_of_the_end(wire: _Wire) -> None:
    wire.client.drop_connection()

    assert wire.broker.recv(100) == b""
    assert wire.events == ["connect", "disconnect"]
    assert wire.client.socket() is None


def test_every_connection_takes_its_packet_ids_from_the_start(wire: _Wire) -> None:
    mids = [wire.client.subscribe("a", 1)[1]]
    wire.client.drop_connection()
    wire.reconnect()
    mids.append(wire.client.subscribe("a", 1)[1])

    assert mids == [1, 1]


def test_a_stream_that_is_not_mqtt_ends_the_connection(wire: _Wire) -> None:
    wire.send(b"\x36\x06\x00\x01t\x00\x01\x00")

    assert wire.events == ["connect", "disconnect"]


def test_an_exception_while_taking_messages_reaches_the_caller_of_the_loop(wire: _Wire) -> None:
    def fail(publishes: list[Publish]) -> None:
        raise RuntimeError("out of memory")

    wire.client._on_publishes = fail

    with pytest.raises(RuntimeError, match="out of memory"):
        wire.send(write_publish(b"t", b"a", 1))


@pytest.mark.parametrize("excused", [True, False])
def test_silence_that_is_excused_ends_no_connection(monkeypatch: pytest.MonkeyPatch, excused: bool) -> None:
    wire = _Wire(keepalive=5)
    wire.accept()
    # paho's own clock is moved instead of waiting for its keepalive.
    now = [0.0]
    import paho.mqtt.client as paho_client

    started = paho_client.time_func()
    monkeypatch.setattr(paho_client, "time_func", lambda: started + now[0])
    monkeypatch.setattr("ingest_mqtt.mqtt_client.time.monotonic", lambda: started + now[0])
    for _ in range(4):
        now[0] += 5.1
        if excused:
            wire.client.excuse_silence()
        wire.client.loop_misc()

    assert (wire.client.socket() is not None) is excused
    # Pings go on all the same: the broker must not take the bridge for dead.
    assert b"\xc0\x00" in wire.broker.recv(100)
    wire.close()
