"""What a client may do within its site."""

from enum import StrEnum


class Scope(StrEnum):
    """Each route needs one."""

    READ = "read"
    WRITE = "write"
    PUSH = "push"
    EVENTS = "events"
    RECOMMEND = "recommend"
    ITEMS = "items"
    USERS = "users"
    EXPERIMENTS = "experiments"
    METRICS = "metrics"


BROWSER_SCOPES = frozenset({Scope.EVENTS, Scope.RECOMMEND, Scope.USERS})
"""What a key that everybody can read may do: each of these is about one person, for whom the request has to act."""
