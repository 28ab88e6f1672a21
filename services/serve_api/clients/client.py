"""A client of the API, as the operator has set it."""

from dataclasses import dataclass, field
from typing import Literal

from serve_api.clients.rate_limit import RateLimit
from serve_api.clients.scopes import Scope
from serve_api.clients.user_tokens import UserTokens

ClientKind = Literal["server", "browser"]


@dataclass(frozen=True)
class Client:
    """Attributes:
    kind: a server keeps its key secret and may act for any user; a browser's key is known to everybody.
    site: None for the process's own.
    origins: of pages that may use it, besides those that the API serves.
    limit: None where it may ask as often as it likes.
    tokens: checks the tokens by which a user is proven; None where there are none.
    """

    name: str
    kind: ClientKind
    scopes: frozenset[Scope]
    site: str | None = None
    origins: frozenset[str] = frozenset()
    limit: RateLimit | None = field(default=None, compare=False)
    tokens: UserTokens | None = field(default=None, compare=False)


LOCAL = Client("local", "server", frozenset(Scope))
"""Whoever asks where no clients are set."""
PUSHER = Client("pusher", "server", frozenset({Scope.PUSH}))
"""A source that pushes, which signs each body instead of having a key."""
