"""Events that wait to be sent: a bounded queue, and the thread that sends it in batches until each is acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import httpx

from headrace_client.connection import back_off, is_passing
from headrace_client.errors import HeadraceError, NotSent

Event = Mapping[str, Any]
_LINGER_S = 0.05
_NEVER = frozenset({400, 413, 415, 422})
"""What is sent again as it is would be refused again."""


class Outbox:
    """Events leave it once the API has answered that Kafka has them, or that they are wrong.

    Args:
        post: sends a batch and gives the answer.
        on_error: told of events that were refused, and of a key that doesn't count; called on the sending thread.
        batch: events in a request at most.
        most: events that wait at most.
    """

    def __init__(
        self,
        post: Callable[[list[Event]], Mapping[str, Any]],
        on_error: Callable[[HeadraceError], None],
        batch: int,
        most: int,
    ) -> None:
        self._post = post
        self._on_error = on_error
        self._batch = batch
        self._most = most
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="headrace-events", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Event, timeout: float) -> None:
        """Queues an event; where the queue is full, waits so many seconds for room.

        Raises:
            NotSent: there was none.
        """
        with self._changed:
            has_room = self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < self._most, timeout)
            if self._is_closed:
                raise NotSent("the client is closed")
            if not has_room:
                raise NotSent(f"{self._most:,} events wait already") from self._trouble
            self._waiting.append(event)
            self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Returns when nothing waits any more.

        Raises:
            NotSent: something still does after so many seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._waiting, timeout):
                raise NotSent(f"{len(self._waiting):,} events still wait") from self._trouble

    def close(self) -> None:
        """Ends the thread; what waits is given up."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        tries = 0
        while (batch := self._next()) is not None:
            wait = self._send(batch, tries)
            tries = 0 if wait == 0 else tries + 1
            with self._changed:
                if wait:
                    self._changed.wait_for(lambda: self._is_closed, wait)
                else:
                    for _ in batch:
                        self._waiting.popleft()
                    self._changed.notify_all()

    def _next(self) -> list[Event] | None:
        """The oldest events; None where it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._waiting)
            # So that events of one moment go together.
            end = time.monotonic() + _LINGER_S
            while len(self._waiting) < self._batch and not self._is_closed and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            return None if self._is_closed else [event for event in islice(self._waiting, self._batch)]

    def _send(self, batch: list[Event], tries: int) -> float:
        """Seconds to wait before the same is sent again; 0 where it is settled."""
        try:
            answer = self._post(batch)
        except httpx.TransportError as error:
            self._trouble = error
            return back_off(tries)
        except HeadraceError as error:
            self._trouble = error
            if not is_passing(error):
                self._on_error(error)
            return 0.0 if error.status in _NEVER else back_off(tries, error.retry_after)
        self._trouble = None
        if answer["refused"]:
            self._on_error(HeadraceError(202, {"detail": "events were refused", "errors": answer["refused"]}))
        return 0.0
