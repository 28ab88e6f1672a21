"""A route whose endpoint takes the request itself: for the few that are asked a thousand times a second.

FastAPI's resolving of parameters costs twice what all the rest of a small request does. The endpoint's parameters are
exactly `request`, `principal` and `services`; what is in the path, the query and the body it reads itself, and
describes by `openapi_extra`.
"""

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request
from fastapi.params import Security
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from starlette.responses import Response

from serve_api.principal import authenticate, current_principal
from serve_api.services import services_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class DirectRoute(APIRoute):
    """Gives an endpoint its principal, checked as everywhere, and the services."""

    def get_route_handler(self) -> Handler:
        endpoint = self.endpoint
        needed = SecurityScopes(_scopes(endpoint))

        async def handle(request: Request) -> Response:
            principal = await current_principal(needed, await authenticate(request))
            answer: Response = await endpoint(request=request, principal=principal, services=services_of(request))
            return answer

        return handle


def _scopes(endpoint: Callable[..., Any]) -> list[str]:
    hint = get_type_hints(endpoint, include_extras=True)["principal"]
    (security,) = [each for each in hint.__metadata__ if isinstance(each, Security)]
    return list(security.scopes or ())
