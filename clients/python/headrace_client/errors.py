"""What can go wrong between an app and the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class HeadraceError(Exception):
    """The API refused a request.

    Attributes:
        status: of HTTP.
        kind: the problem's stable name, such as `rate-limited`.
        errors: the fields or events that are wrong, each with what to send instead.
        retry_after: seconds until it may be tried again; 0 where the API didn't say.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float = 0.0) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"the API answered {status}"))
        self.status = status
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors", [])
        self.retry_after = retry_after


class NotSent(Exception):
    """Events still wait although time is up: the API is away, slow, or refuses the key; `__cause__` says which."""
