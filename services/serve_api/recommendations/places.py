"""How many requests are answered at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from serve_api.problems import unavailable


class Places:
    """Bounded places; lives on the event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place while a request is answered.

        Raises:
            Problem: all are taken.
        """
        if self._taken >= self._most:
            raise unavailable(
                f"{self._most} requests for recommendations are being answered", retry_after=1, kind="busy"
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
