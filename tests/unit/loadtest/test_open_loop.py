"""The open loop sends when a request's time has come, and blames the server, not itself, for what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from loadtest.open_loop import Answers, OpenLoop, quantile, request_bytes

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RATE, SECONDS = 400.0, 0.5


def offered(handler: Handler, connections: int = 64) -> Answers:
    """What a server's handler gives to requests at a steady rate."""

    async def run() -> Answers:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        requests = [request_bytes(f"http://127.0.0.1:{port}/x?y=1", b"{}")]
        try:
            return await OpenLoop("127.0.0.1", port, requests, connections).run(RATE, SECONDS)
        finally:
            server.close()

    return asyncio.run(run())


def answering(statuses: list[int], wait_s: float = 0.0, body: bytes = b"{}") -> Handler:
    """Each request in turn gets the next status."""
    left = iter(statuses)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST /x?y=1 "):
                await reader.readexactly(2)
                await asyncio.sleep(wait_s)
                head = f"HTTP/1.1 {next(left)} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                # In two pieces, as answers may come.
                writer.write(head + body[:1])
                await writer.drain()
                writer.write(body[1:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return handle


def test_every_request_is_counted_by_its_status() -> None:
    answers = offered(answering([200] * 150 + [503] * 50))
    assert answers.statuses[200] == 150 and answers.statuses[503] == 50
    assert answers.failed == 50
    assert len(answers.seconds) == RATE * SECONDS
    assert answers.bodies == [b"{}"] * 5


def test_a_request_that_waits_for_a_connection_is_slow() -> None:
    # One connection and 10 ms an answer: 100 a second, where 400 are offered.
    answers = offered(answering([200] * 200, wait_s=0.01), connections=1)
    assert answers.failed == 0
    assert quantile(answers.seconds, 0.99) > 0.9


def test_a_lost_connection_is_a_failed_request() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    answers = offered(hang_up, connections=4)
    assert answers.failed >= 4
    assert not answers.seconds


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_quantile_is_a_value(share: float, value: float) -> None:
    assert quantile([4.0, 2.0, 1.0, 3.0], share) == value
