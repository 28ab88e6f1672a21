"""Events that wait to be sent: a bounded queue, and the thread that sends it in batches until each is acknowledged."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import httpx

from headrace_client.connection import back_off, is_passing
from headrace_client.errors import HeadraceError, NotSent

_LINGER_S = 0.05
_MOST_BYTES = 900_000
"""Of one request; the API takes 1 MiB."""
_log = logging.getLogger(__name__)
_NEVER = frozenset({400, 413, 415, 422})
"""What is sent again as it is would be refused again."""


class Outbox:
    """Events, as JSON, leave it once the API has answered that Kafka has them, or that they are wrong.

    Args:
        post: sends a batch and gives the answer. Whatever it raises, the same batch is sent again later.
        on_error: told of events that were refused, and of a key that doesn't count; called on the sending thread.
        batch: events in a request at most.
        most: events that wait at most.
    """

    def __init__(
        self,
        post: Callable[[list[bytes]], Mapping[str, Any]],
        on_error: Callable[[HeadraceError], None],
        batch: int,
        most: int,
    ) -> None:
        self._post = post
        self._on_error = on_error
        self._batch = self._at_once = batch
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._added = self._settled = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="headrace-events", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: bytes, timeout: float) -> None:
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
            self._added += 1
            self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Returns when none waits any more of those that were added so far.

        Raises:
            NotSent: some still do after so many seconds.
        """
        with self._changed:
            until = self._added
            if not self._changed.wait_for(lambda: self._settled >= until, timeout):
                raise NotSent(f"{until - self._settled:,} events still wait") from self._trouble

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
            tries = 0 if wait is None else tries + 1
            with self._changed:
                if wait is not None:
                    self._changed.wait_for(lambda: self._is_closed, wait)
                    continue
                for _ in batch:
                    self._waiting.popleft()
                self._settled += len(batch)
                self._at_once = min(self._batch, 2 * self._at_once)
                self._changed.notify_all()

    def _next(self) -> list[bytes] | None:
        """The oldest events; None where it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._waiting)
            # So that events of one moment go together.
            end = time.monotonic() + _LINGER_S
            while len(self._waiting) < self._batch and not self._is_closed and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            return None if self._is_closed else self._oldest()

    def _oldest(self) -> list[bytes]:
        found: list[bytes] = []
        size = 0
        for event in islice(self._waiting, self._at_once):
            size += len(event) + 1
            if found and size > _MOST_BYTES:
                break
            found.append(event)
        return found

    def _send(self, batch: list[bytes], tries: int) -> float | None:
        """Seconds to wait before the oldest are sent again; None where these are settled."""
        try:
            refused = self._post(batch)["refused"]
        except httpx.TransportError as error:
            self._trouble = error
            return back_off(tries)
        except HeadraceError as error:
            self._trouble = error
            if error.status in _NEVER and len(batch) > 1 and not _is_of_each(error):
                # One of them may be at fault, which must not take the others along.
                self._at_once = len(batch) // 2
                return 0.0
            if not is_passing(error):
                self._tell(error)
            return None if error.status in _NEVER else back_off(tries, error.retry_after)
        except Exception as error:
            # Such as the app's own of getting a token, or of an answer that isn't the API's: the thread has to go on.
            self._trouble = error
            _log.exception("events can't be sent now; they are tried again")
            return back_off(tries)
        self._trouble = None
        if refused:
            self._tell(HeadraceError(202, {"detail": "events were refused", "errors": refused}))
        return None

    def _tell(self, error: HeadraceError) -> None:
        try:
            self._on_error(error)
        except Exception:
            _log.exception("on_error failed when it was told of %r", error)


def _is_of_each(error: HeadraceError) -> bool:
    """Whether the API has looked at the events one by one, and none was right."""
    return bool(error.errors) and all(str(each.get("name", "")).startswith("events.") for each in error.errors)
