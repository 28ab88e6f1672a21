"""Who asks: the one place in which a request gets its site and scopes, and in which scopes are checked.

Every route under /v1 takes a principal from here. Until there are credentials, each request is the default site's with
all scopes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import SecurityScopes

from serve_api.problems import Problem


class Scope(StrEnum):
    """What a principal may do within its site."""

    READ = "read"
    WRITE = "write"
    PUSH = "push"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Attributes:
        site: all that the request can see and change.
        scopes: what it may do there.
    """

    site: str
    scopes: frozenset[str]


# Coroutines, since FastAPI runs a plain function on a thread, which costs more than all the rest of a request.
async def authenticate(request: Request) -> Principal:
    """The principal of a request, from its credentials once there are any."""
    return Principal(request.app.state.services.settings.site, frozenset(Scope))


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
