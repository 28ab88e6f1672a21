"""Lets another thread have something done on the event loop, a little at a time, and waits for it."""

import asyncio
import threading
from collections.abc import Callable

_WAIT_S = 0.5


class OnLoop:
    """What only the event loop may change is changed there, so that no request meets it half changed.

    The caller waits, so no more is ever queued than one call's.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Called on the event loop."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Nobody waits any more; called on the event loop."""
        self._stopping.set()

    def run(self, work: Callable[[], None]) -> None:
        """Returns when it is done, or when the loop has stopped; called on another thread.

        Raises:
            Exception: what the work raised.
        """
        if self._loop is None or self._stopping.is_set():
            return
        done = _Done(work)
        self._loop.call_soon_threadsafe(done.run)
        while not done.event.wait(_WAIT_S):
            if self._stopping.is_set():
                return
        if done.error is not None:
            raise done.error


class _Done:
    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.event = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.error = error
        finally:
            self.event.set()
