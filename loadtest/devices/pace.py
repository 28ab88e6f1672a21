"""Sending at a rate without a timer for each message."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

_TICK_S = 0.02


async def paced(rate: float, total: int | None = None) -> AsyncIterator[int]:
    """How many messages are due at each tick, so that `rate` a second leave; ends after `total`.

    What a slow receiver delays is due at the next tick: the rate is of the whole, and no message is left out.
    """
    start, given = monotonic(), 0
    while total is None or given < total:
        due = int((monotonic() - start) * rate) - given
        if total is not None:
            due = min(due, total - given)
        if due > 0:
            given += due
            yield due
        await asyncio.sleep(_TICK_S)
