"""Work on many events in slices, between which other requests get their turn."""

import asyncio

_SLICE = 50_000
_EACH = 1_000
"""Of a small event or item, in bytes that cost as much: 50 of them are some 2 ms."""


class Turns:
    """Of one request."""

    def __init__(self) -> None:
        self._done = 0

    async def before(self, size: int) -> None:
        """Waits for its turn where a slice is done; then there is one of so many bytes to work on."""
        if self._done >= _SLICE:
            self._done = 0
            await asyncio.sleep(0)
        self._done += _EACH + size
