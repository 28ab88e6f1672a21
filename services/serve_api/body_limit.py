"""Refuses bodies that are too large: by their announced length before they are read, else while they are read."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_api.problems import Problem, render

MAX_BODY_BYTES = 65_536
_TOO_LARGE = Problem(413, "too-large", "Content Too Large", f"the body may have {MAX_BODY_BYTES} bytes at most")


class BodyLimit:
    """ASGI middleware. FastAPI has a limit too, but answers an announced length in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > MAX_BODY_BYTES:
            await render(scope["path"], _TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, _counting(receive), send)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _counting(receive: Receive) -> Receive:
    read = 0

    async def receive_counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise HTTPException(_TOO_LARGE.status, _TOO_LARGE.title)
        return message

    return receive_counted
