"""Who watches recommendations live: each is woken when what is known of its subject, or the model, has changed.

A watcher that is woken twice before it looks was woken once: only the newest answer counts, so there is no queue.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Gauge

from serve_api.problems import unavailable


class Watcher:
    """One client."""

    def __init__(self, subject: str | None) -> None:
        self.subject = subject
        self.model_changed = False
        self.subject_changed = False
        self.ended = False
        self._woken = asyncio.Event()

    def wake(self, *, by_model: bool) -> None:
        if by_model:
            self.model_changed = True
        else:
            self.subject_changed = True
        self._woken.set()

    def end(self) -> None:
        self.ended = True
        self._woken.set()

    async def wait(self, seconds: float) -> bool:
        """Whether it was woken within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        was_woken = self._woken.is_set()
        self._woken.clear()
        return was_woken


class LiveWatchers:
    """Lives on the event loop, but for `watched`, which any thread may read.

    Args:
        max_clients: more are refused.
        open_clients: shows how many there are.
    """

    def __init__(self, max_clients: int, open_clients: Gauge) -> None:
        self._watchers: dict[str | None, set[Watcher]] = {}
        self._max_clients = max_clients
        self._open_clients = open_clients
        self._count = 0
        self._closed = False
        self.watched: frozenset[str] = frozenset()

    def begin(self, subject: str | None) -> Watcher:
        """A new watcher; `leave` must follow.

        Raises:
            Problem: all places are taken, or the service is ending.
        """
        if self._closed:
            raise unavailable("the service is restarting")
        if self._count >= self._max_clients:
            raise unavailable(f"all {self._max_clients} live streams of recommendations are taken", retry_after=30)
        watcher = Watcher(subject)
        self._watchers.setdefault(subject, set()).add(watcher)
        self._note(+1)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """A watcher is gone; once more does nothing."""
        of_subject = self._watchers.get(watcher.subject, set())
        if watcher in of_subject:
            of_subject.discard(watcher)
            if not of_subject:
                del self._watchers[watcher.subject]
            self._note(-1)

    def wake_subjects(self, subjects: Iterable[str]) -> None:
        """Something was learned of these subjects, or they were erased."""
        for subject in subjects:
            for watcher in self._watchers.get(subject, ()):
                watcher.wake(by_model=False)

    def wake_all(self) -> None:
        """The model or the catalog changed."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.wake(by_model=True)

    def close(self) -> None:
        """Ends every stream and refuses new ones."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    def _note(self, change: int) -> None:
        self._count += change
        self._open_clients.set(self._count)
        self.watched = frozenset(subject for subject in self._watchers if subject is not None)
