"""An open loop of HTTP requests: each is sent when its time has come, whether those before are answered or not.

One process with raw sockets: HTTP libraries cost more than the server that is measured. A request's latency begins at
the time at which it was to be sent, so that a server that stands still is not spared the requests of that time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

_BETWEEN_S = 0.001
_LENGTH = b"content-length:"


@dataclass
class Answers:
    """What came back.

    Attributes:
        seconds: latency of each answer.
        late_s: how late requests left behind their times, which the generator is to blame for.
        statuses: how often each came; 0 counts requests whose connection was lost.
        bodies: those of answers that were not 200, the first few.
    """

    seconds: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Requests that got something else than a 2xx."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request_bytes(url: str, body: bytes) -> bytes:
    """A POST of JSON as it goes over the wire, on a connection that stays."""
    where = urlsplit(url)
    path = f"{where.path}?{where.query}" if where.query else where.path
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return f"{head}\r\n\r\n".encode() + body


def get_bytes(url: str) -> bytes:
    """A GET as it goes over the wire, on a connection that stays."""
    where = urlsplit(url)
    path = f"{where.path}?{where.query}" if where.query else where.path
    return f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, loop: OpenLoop) -> None:
        self._loop = loop
        self._due: float | None = None
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none of asyncio's classes, though it does the same.
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None  # noqa: S101 - only idle ones are asked to
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        at = head.find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length or self._due is None:
            return
        due, self._due = self._due, None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        self._buffer.clear()
        self._loop.answered(self, due, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.lost(self, self._due)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class OpenLoop:
    """Sends requests to one server at a steady rate.

    Args:
        requests: as they go over the wire, in turn.
        connections: at most, all opened at the beginning; more at once wait for one, and their latency grows.
    """

    def __init__(self, host: str, port: int, requests: Sequence[bytes], connections: int = 256) -> None:
        self._where = (host, port)
        self._requests = requests
        self._connections = connections
        self._idle: list[_Connection] = []
        self._waiting: list[tuple[bytes, float]] = []
        self._open = 0
        self._alive = 0
        self.answers = Answers()

    async def run(self, rate: float, seconds: float) -> Answers:
        """Sends `rate` requests a second and returns when all are answered, or 10 s after the last was sent."""
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), *self._where)
            self._idle.append(connection)
        self._alive = self._connections
        count, began = round(rate * seconds), time.perf_counter()
        sent = 0
        while sent < count:
            now = time.perf_counter()
            until = min(count, int((now - began) * rate) + 1)
            for number in range(sent, until):
                due = began + number / rate
                self.answers.late_s.append(max(0.0, now - due))
                self._send(self._requests[number % len(self._requests)], due)
            sent = until
            await asyncio.sleep(_BETWEEN_S)
        patience = time.perf_counter() + 10
        while self._open and self._alive and time.perf_counter() < patience:
            await asyncio.sleep(0.01)
        self.answers.statuses[0] += self._open
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        return self.answers

    async def run_closed(self, seconds: float) -> float:
        """Keeps each connection busy; gives answers a second: what the server can do at most."""
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), *self._where)
            self._idle.append(connection)
        began = time.perf_counter()
        number = 0
        while (now := time.perf_counter()) < began + seconds:
            for _ in range(len(self._idle)):
                self._send(self._requests[number % len(self._requests)], now)
                number += 1
            await asyncio.sleep(0)
        took = time.perf_counter() - began
        answered = len(self.answers.seconds)
        while self._open:
            await asyncio.sleep(0.01)
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        return answered / took

    def answered(self, connection: _Connection, due: float, status: int, body: bytes) -> None:
        """A connection has its answer, and is free."""
        self._open -= 1
        self.answers.seconds.append(time.perf_counter() - due)
        self.answers.statuses[status] += 1
        if not 200 <= status < 300 and len(self.answers.bodies) < 5:
            self.answers.bodies.append(body)
        if self._waiting:
            request, waiting_since = self._waiting.pop(0)
            connection.send(request, waiting_since)
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection, due: float | None) -> None:
        """A connection is gone; with it the request that it had."""
        self._alive -= 1
        if due is not None:
            self._open -= 1
            self.answers.statuses[0] += 1
        if connection in self._idle:
            self._idle.remove(connection)

    def _send(self, request: bytes, due: float) -> None:
        self._open += 1
        if self._idle:
            self._idle.pop().send(request, due)
        else:
            self._waiting.append((request, due))
