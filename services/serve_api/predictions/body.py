"""Reads the body of a request for predictions, or of outcomes."""

from fastapi import Request

from serve_api import timely_body
from serve_api.settings import Settings


async def read_timely(request: Request, settings: Settings) -> bytes:
    """The body.

    Raises:
        Problem: it is too large or did not come in time, or the client is gone.
    """
    return await timely_body.read_timely(request, settings.predict_max_bytes, settings.predict_body_timeout)
