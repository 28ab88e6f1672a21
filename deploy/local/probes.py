"""Whether a component answers: the smallest exchange of its protocol, since a port opens before its server is ready."""

from __future__ import annotations

import http.client
import socket
import struct
import urllib.request

_TIMEOUT_S = 2.0


def kafka_answers(host: str, port: int) -> bool:
    """The metadata lists a broker. A broker accepts connections before the controller lets it serve."""
    client = b"headrace-probe"
    metadata_v1 = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
    answer = _exchange(host, port, struct.pack(">i", len(metadata_v1)) + metadata_v1, 12)
    return len(answer) == 12 and struct.unpack(">i", answer[8:12])[0] > 0


def cassandra_answers(host: str, port: int) -> bool:
    """The native protocol (version 4) answers OPTIONS with SUPPORTED; it is opened last."""
    answer = _exchange(host, port, struct.pack(">BBhBi", 4, 0, 0, 0x05, 0), 9)
    return len(answer) == 9 and answer[4] == 0x06


def mqtt_answers(host: str, port: int) -> bool:
    """MQTT 3.1.1: an anonymous CONNECT with a clean session is accepted."""
    variable = b"\x00\x04MQTT\x04\x02\x00\x05" + b"\x00\x00"
    answer = _exchange(host, port, bytes([0x10, len(variable)]) + variable, 4)
    return answer == b"\x20\x02\x00\x00"


def http_answers(url: str) -> bool:
    """GET gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http on loopback, built by us
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _exchange(host: str, port: int, request: bytes, length: int) -> bytes:
    """Send `request`, read `length` bytes; fewer where the other side refuses, closes or is silent."""
    received = b""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(request)
            while len(received) < length:
                chunk = connection.recv(length - len(received))
                if not chunk:
                    break
                received += chunk
    except OSError:
        return received
    return received
