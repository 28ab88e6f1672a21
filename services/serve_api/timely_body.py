"""Reads the body of a request within a size and a time."""

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from serve_api.body_limit import read_limited
from serve_api.problems import Problem


async def read_timely(request: Request, most_bytes: int, seconds: float) -> bytes:
    """The body.

    Raises:
        Problem: it is too large or did not come in time, or the client is gone.
    """
    try:
        async with asyncio.timeout(seconds):
            return await read_limited(request, most_bytes)
    except TimeoutError:
        late = f"the body did not come within {seconds:g} s; send it again"
        raise Problem(408, "too-slow", "Request Timeout", late, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        # Nobody is there to read this.
        raise Problem(400, "disconnected", "Bad Request", "the connection ended amid the body") from None
