"""Reads the body of a request for predictions, or of outcomes."""

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from serve_api.body_limit import read_limited
from serve_api.problems import Problem
from serve_api.settings import Settings


async def read_timely(request: Request, settings: Settings) -> bytes:
    """The body.

    Raises:
        Problem: it is too large or did not come in time, or the client is gone.
    """
    try:
        async with asyncio.timeout(settings.predict_body_timeout):
            return await read_limited(request, settings.predict_max_bytes)
    except TimeoutError:
        late = f"the body did not come within {settings.predict_body_timeout:g} s; send it again"
        raise Problem(408, "too-slow", "Request Timeout", late, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        # Nobody is there to read this.
        raise Problem(400, "disconnected", "Bad Request", "the connection ended amid the body") from None
