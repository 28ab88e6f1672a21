"""The broker's end of a bridge's connection: a real socket that the test holds."""

import select
import socket

from ingest_mqtt.mqtt_connection import ConnectionOptions, Listener, MqttConnection

CONNACK = b"\x20\x06\x00\x00\x03\x21\x00\x07"  # Receive Maximum 7


class BrokerEnd:
    """Accepts, answers and reads; `now` is the connection's clock."""

    def __init__(self, listener: Listener) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.now = 0.0
        options = ConnectionOptions(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            v5=True,
            client_id="c",
            filters=["a/#", "b/#"],
            watched="$SYS/x",
            keepalive=30,
            session_expiry=77,
            receive_maximum=50,
        )
        self.connection = MqttConnection(options, listener, lambda: self.now)
        self.peer: socket.socket | None = None

    def accept(self) -> bytes:
        """Lets the bridge connect and returns its CONNECT."""
        self.connection.turn(0)
        if self.peer is not None:
            self.peer.close()
        self.peer, _ = self._listener.accept()
        self.peer.settimeout(5)
        return self.peer.recv(4_096)

    def write(self, packets: bytes) -> None:
        """Sends packets that the bridge does not read yet."""
        assert self.peer is not None
        self.peer.sendall(packets)

    def send(self, packets: bytes) -> None:
        """Sends packets and lets the bridge read them."""
        self.write(packets)
        self.connection.turn(1)
        # What a callback sends leaves with the next turn.
        self.connection.turn(0)

    def receive(self) -> bytes:
        assert self.peer is not None
        return self.peer.recv(4_096)

    def receive_now(self) -> bytes:
        """What the bridge has sent so far."""
        assert self.peer is not None
        ready, _, _ = select.select([self.peer], [], [], 0)
        return self.peer.recv(1 << 20) if ready else b""

    def subscribed(self, *reasons: int) -> None:
        self.accept()
        self.send(CONNACK)
        mid = self.receive()[2:4]
        self.send(b"\x90" + bytes((3 + len(reasons),)) + mid + b"\x00" + bytes(reasons))

    def close(self) -> None:
        self.connection.drop("end of test")
        if self.peer is not None:
            self.peer.close()
        self._listener.close()
