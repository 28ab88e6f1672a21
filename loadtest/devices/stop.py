"""Running until the process is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine


async def until_stopped(work: Coroutine[None, None, None]) -> None:
    """Runs `work` until it ends or SIGTERM or SIGINT comes; its error is raised."""
    task = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
