"""Who watches recommendations live: each is woken when what is known of its subject, or the model, has changed.

A watcher that is woken twice before it looks was woken once: only the newest answer counts, so there is no queue.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Gauge

from serve_api.problems import Problem, unavailable

_AT_ONCE = 4
_PAUSE_S = 0.02
"""Each that is woken works out an answer, some 2 ms: together, five hundred would hold up all else for a second."""
_RETRY_S = 30


class Watcher:
    """One client."""

    def __init__(self, subject: str | None, address: str | None = None) -> None:
        self.subject = subject
        self.address = address
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
        max_each: of one address.
    """

    def __init__(self, max_clients: int, open_clients: Gauge, max_each: int = 25) -> None:
        self._watchers: dict[str | None, set[Watcher]] = {}
        self._max_clients = max_clients
        self._max_each = max_each
        self._addresses: Counter[str] = Counter()
        self._open_clients = open_clients
        self._count = 0
        self._closed = False
        self._to_wake: deque[Watcher] = deque()
        self._next_wake: asyncio.TimerHandle | None = None
        self._wakes_again = False
        self.watched: frozenset[str] = frozenset()

    def begin(self, subject: str | None, address: str | None = None) -> Watcher:
        """A new watcher; `leave` must follow.

        Args:
            address: of a stranger, who may not take all places; None for who may.

        Raises:
            Problem: all places are taken, or those of the address, or the service is ending.
        """
        if self._closed:
            raise unavailable("the service is restarting")
        if self._count >= self._max_clients:
            raise unavailable(f"all {self._max_clients} live streams of recommendations are taken", _RETRY_S)
        if address is not None and self._addresses[address] >= self._max_each:
            detail = f"this address has {self._max_each} live streams of recommendations open: close one"
            raise Problem(429, "too-many-streams", "Too Many Requests", detail, retry_after=_RETRY_S)
        watcher = Watcher(subject, address)
        if address is not None:
            self._addresses[address] += 1
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
            if watcher.address is not None:
                self._addresses -= Counter((watcher.address,))
            self._note(-1)

    def wake_subjects(self, subjects: Iterable[str]) -> None:
        """Something was learned of these subjects, or they were erased."""
        for subject in subjects:
            for watcher in self._watchers.get(subject, ()):
                watcher.wake(by_model=False)

    def wake_all(self) -> None:
        """The model or the catalog changed: a few at a time look what it changes for them."""
        if self._next_wake is not None:
            self._wakes_again = True
            return
        self._to_wake.extend(watcher for watchers in self._watchers.values() for watcher in watchers)
        self._wake_some()

    def close(self) -> None:
        """Ends every stream and refuses new ones."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    def _wake_some(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._to_wake))):
            self._to_wake.popleft().wake(by_model=True)
        self._next_wake = None
        if self._to_wake:
            self._next_wake = asyncio.get_running_loop().call_later(_PAUSE_S, self._wake_some)
        elif self._wakes_again:
            self._wakes_again = False
            self.wake_all()

    def _note(self, change: int) -> None:
        self._count += change
        self._open_clients.set(self._count)
        self.watched = frozenset(subject for subject in self._watchers if subject is not None)
