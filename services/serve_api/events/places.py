"""How many requests with events or items are taken at once: small ones and large ones apart."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from serve_api.problems import unavailable

SMALL_BYTES = 65_536
_SMALL_FOR_A_LARGE = 16
"""A large body has at most 16 times as many bytes, so both have as much memory at most."""


class Places:
    """Of a process. Slow large bodies take no place from small ones, which are most.

    Args:
        small: requests at once whose bodies are announced as small; of others there are a 16th.
    """

    def __init__(self, small: int) -> None:
        self._most = {True: small, False: max(1, small // _SMALL_FOR_A_LARGE)}
        self._open = {True: 0, False: 0}

    @contextmanager
    def one_for(self, request: Request) -> Iterator[None]:
        """Holds a place as long as the block.

        Raises:
            Problem: there is none.
        """
        length = request.headers.get("content-length", "")
        is_small = length.isdecimal() and int(length) <= SMALL_BYTES
        if self._open[is_small] >= self._most[is_small]:
            size = "small" if is_small else "large"
            raise unavailable(
                f"{self._most[is_small]} {size} requests with events or items are being taken", kind="busy"
            )
        self._open[is_small] += 1
        try:
            yield
        finally:
            self._open[is_small] -= 1
