"""Refuses bodies that are too large: by their announced length before they are read, else while they are read.

And those that are too slow: what FastAPI reads it reads before it looks who asks.
"""

import asyncio

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_api.problems import Problem, render

MAX_BODY_BYTES = 65_536
LIMITED_BY_ROUTE = ("/v1/ingest/", "/v1/models/", "/v1/outcomes", "/v1/events", "/v1/items", "/v1/graphql")
"""Routes below it read their bodies by `read_limited`."""
_LONGEST_S = 10.0


class BodyLimit:
    """ASGI middleware. FastAPI has a limit too, but answers an announced length in plain text.

    Args:
        longest: seconds in which a body must have come.
    """

    def __init__(self, app: ASGIApp, longest: float = _LONGEST_S) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(LIMITED_BY_ROUTE):
            await self._app(scope, receive, send)
        elif _announced(Headers(scope=scope)) > MAX_BODY_BYTES:
            await render(scope["path"], _too_large(MAX_BODY_BYTES))(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive, self._longest), send)


async def read_limited(request: Request, limit: int) -> bytes:
    """The body of a request.

    Raises:
        Problem: it has more bytes than `limit`.
        ClientDisconnect: the client is gone.
    """
    if _announced(request.headers) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> Problem:
    return Problem(413, "too-large", "Content Too Large", f"the body may have {limit} bytes at most")


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _bounded(receive: Receive, longest: float) -> Receive:
    read, is_whole, end = 0, False, asyncio.get_running_loop().time() + longest

    async def receive_bounded() -> Message:
        nonlocal read, is_whole
        if is_whole:
            # What comes now is that the client is gone.
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "Request Timeout", {"Connection": "close"}) from None
        read += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if read > MAX_BODY_BYTES:
            too_large = _too_large(MAX_BODY_BYTES)
            raise HTTPException(too_large.status, too_large.title)
        return message

    return receive_bounded
