"""Lets pages of a client's origins read answers (CORS), as the file of clients says at the time."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from serve_api.clients.acting import TOKEN_HEADER
from serve_api.clients.register import ClientRegister

_METHODS = ("GET", "POST", "PUT", "DELETE")
_HEADERS = ("authorization", "x-api-key", TOKEN_HEADER, "content-type", "last-event-id")
_EXPOSED = ("retry-after",)
_PREFLIGHT_S = 600


class Cors(CORSMiddleware):
    """ASGI middleware. A preflight carries no key, so any client's origin passes; `ClientRegister.admit` looks again.

    No cookies are asked for, so a page of another origin can send nothing in a visitor's name.
    """

    def __init__(self, app: ASGIApp, register: ClientRegister) -> None:
        super().__init__(
            app,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            expose_headers=_EXPOSED,
            max_age=_PREFLIGHT_S,
        )
        self._register = register

    def is_allowed_origin(self, origin: str) -> bool:
        return self._register.is_origin(origin)
