"""What is read once and kept is set apart from what comes and goes with requests."""

import asyncio
from collections.abc import Callable

from headrace.collector import set_apart

_LOOK_S = 1.0


async def settle_memory(has_read: Callable[[], bool]) -> None:
    """Sets memory apart now, and once more as soon as all that is followed was read."""
    set_apart()
    while not has_read():
        await asyncio.sleep(_LOOK_S)
    set_apart()
