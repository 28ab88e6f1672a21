"""How many requests of a kind are worked on at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from serve_api.problems import unavailable


class Places:
    """Bounded places; lives on the event loop.

    Args:
        most: requests at once; more get 503.
        doing: what is said of those that have a place, after their number.
        retry_after: seconds, as a refused request is told.
    """

    def __init__(self, most: int, doing: str, retry_after: int = 2) -> None:
        self._most = most
        self._doing = doing
        self._retry_after = retry_after
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Holds a place as long as the block.

        Raises:
            Problem: all are taken.
        """
        if self._taken >= self._most:
            raise unavailable(f"{self._most} {self._doing}", self._retry_after, kind="busy")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
