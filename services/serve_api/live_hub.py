"""Fans live records out to the clients that asked for them, each with a bounded queue of its own.

It lives on the event loop, except where it says otherwise. A client that reads too slowly loses its oldest events, and
is told how many.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from serve_api.metrics import SERVICE, Metrics
from serve_api.problems import unavailable


class Stream(StrEnum):
    """What can be followed live."""

    READINGS = "readings"
    ANOMALIES = "anomalies"


@dataclass(frozen=True)
class LiveEvent:
    """A record on its way to clients.

    Attributes:
        id: append time in ms, partition and offset, joined by dashes.
        data: the JSON object that clients get.
    """

    site: str
    device: str
    metric: str
    id: str
    data: bytes


@dataclass(frozen=True)
class Filter:
    """What a client wants to see; None is everything of the site."""

    site: str
    device: str | None = None
    metric: str | None = None

    def takes(self, event: LiveEvent) -> bool:
        return event.site == self.site and self.device in (None, event.device) and self.metric in (None, event.metric)


@dataclass(frozen=True)
class Dropped:
    """So many events were lost since the last one that the client got."""

    count: int


class Subscription:
    """One client's bounded queue."""

    def __init__(self, stream: Stream, wanted: Filter, size: int) -> None:
        self.stream = stream
        self.wanted = wanted
        self._queue: deque[LiveEvent] = deque()
        self._size = size
        self._dropped = 0
        self._changed = asyncio.Event()
        self._ended = False

    def offer(self, event: LiveEvent) -> bool:
        """Queues an event; False says that the oldest one was dropped for it."""
        has_room = len(self._queue) < self._size
        if not has_room:
            self._queue.popleft()
            self._dropped += 1
        self._queue.append(event)
        self._changed.set()
        return has_room

    def end(self) -> None:
        """Lets the client's stream finish after what is queued."""
        self._ended = True
        self._changed.set()

    async def take(self, timeout: float) -> list[LiveEvent | Dropped] | None:
        """What came since the last call: empty after `timeout` seconds of silence, None after the end."""
        if not self._queue and not self._ended:
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return []
        self._changed.clear()
        events: list[LiveEvent | Dropped] = [Dropped(self._dropped)] if self._dropped else []
        events.extend(self._queue)
        self._queue.clear()
        self._dropped = 0
        return events or (None if self._ended else [])


class LiveHub:
    """The open subscriptions of a process."""

    def __init__(self, metrics: Metrics, max_clients: int, queue_size: int) -> None:
        self._metrics = metrics
        self._max_clients = max_clients
        self._queue_size = queue_size
        self._open: dict[Stream, set[Subscription]] = {stream: set() for stream in Stream}
        self._wants: dict[Stream, frozenset[Filter]] = {stream: frozenset() for stream in Stream}
        self._closed = False

    def subscribe(self, stream: Stream, wanted: Filter) -> Subscription:
        """Opens a subscription; `release` closes it.

        Raises:
            Problem: too many are open, or the process is ending.
        """
        if self._closed:
            raise unavailable("the service is restarting")
        if sum(len(clients) for clients in self._open.values()) >= self._max_clients:
            raise unavailable(f"all {self._max_clients} live streams are taken", retry_after=30)
        subscription = Subscription(stream, wanted, self._queue_size)
        self._open[stream].add(subscription)
        self._note_change(stream)
        return subscription

    def release(self, subscription: Subscription) -> None:
        """Closes a subscription; once more does nothing."""
        self._open[subscription.stream].discard(subscription)
        self._note_change(subscription.stream)

    def wants(self, stream: Stream) -> frozenset[Filter]:
        """The filters of a stream's clients, by which the feed leaves out what nobody needs; any thread may ask."""
        return self._wants[stream]

    def publish(self, stream: Stream, events: Iterable[LiveEvent]) -> None:
        """Hands events to the clients that want them."""
        for event in events:
            for client in self._open[stream]:
                if client.wanted.takes(event):
                    self._metrics.live_events.labels(SERVICE, stream).inc()
                    if not client.offer(event):
                        self._metrics.live_drops.labels(SERVICE, stream, "slow_client").inc()

    def _note_change(self, stream: Stream) -> None:
        clients = self._open[stream]
        self._wants[stream] = frozenset(client.wanted for client in clients)
        self._metrics.live_clients.labels(SERVICE, stream).set(len(clients))

    def close(self) -> None:
        """Ends every stream and refuses new ones: what a graceful shutdown does first."""
        self._closed = True
        for clients in self._open.values():
            for client in clients:
                client.end()
