"""Who asks: the one place in which a request gets its site and scopes, and in which scopes are checked.

Every route under /v1 takes a principal from here. Where no clients are set, each request is the default site's with all
scopes, as the API then listens on loopback only.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import SecurityScopes

from serve_api.clients.client import LOCAL, Client
from serve_api.clients.scopes import Scope
from serve_api.problems import Problem

__all__ = ["Principal", "Scope", "authenticate", "current_principal"]


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Attributes:
        site: all that the request can see and change.
        scopes: what it may do there.
        client: whose key it came with.
    """

    site: str
    scopes: frozenset[str]
    client: Client = LOCAL


# Coroutines, since FastAPI runs a plain function on a thread, which costs more than all the rest of a request.
async def authenticate(request: Request) -> Principal:
    """The principal of a request, by the key that it came with.

    Raises:
        Problem: it has no key, or one that is not known; or its client asks too often.
    """
    services = request.app.state.services
    client = services.clients.admit(request)
    return Principal(client.site or services.settings.site, client.scopes, client)


async def current_principal(
    needed: SecurityScopes, principal: Annotated[Principal, Depends(authenticate)]
) -> Principal:
    """The principal, if it has the scopes that the route needs.

    Raises:
        Problem: it lacks one.
    """
    missing = [scope for scope in needed.scopes if scope not in principal.scopes]
    if missing:
        raise Problem(403, "forbidden", "Not allowed", f"this needs the scope {', '.join(missing)}")
    return principal
