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


def postgres_answers(host: str, port: int, user: str) -> bool:
    """The start of a session (protocol 3.0) is answered by SCRAM's request for a password, not by "starting up".

    All of it is read: PostgreSQL logs a client that leaves in the middle.
    """
    parameters = f"user\0{user}\0database\0{user}\0\0".encode()
    wanted = b"R" + struct.pack(">ii", 23, 10) + b"SCRAM-SHA-256\0\0"
    start = struct.pack(">ii", 8 + len(parameters), 196_608) + parameters
    return _exchange(host, port, start, len(wanted)) == wanted


def amqp_answers(host: str, port: int) -> bool:
    """AMQP 0-9-1: the protocol header is answered with Connection.Start."""
    answer = _exchange(host, port, b"AMQP\x00\x00\x09\x01", 11)
    return len(answer) == 11 and answer[0] == 1 and answer[7:] == struct.pack(">hh", 10, 10)


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
