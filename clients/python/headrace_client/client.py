"""The client: events in, recommendations out."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from headrace_client.connection import Connection, Token
from headrace_client.errors import HeadraceError
from headrace_client.outbox import Outbox

_MOST_WAITING = 10_000
_ROOM_TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)


class Headrace:
    """One client of one API; its methods may be called by several threads.

    Events are queued, sent in batches on a thread, and sent again after no answer, 429 or 503. Each has an id, so
    however often it is sent it counts once. They wait in memory: those that weren't flushed go with the process.

    Args:
        url: of the API; HEADRACE_URL unless given.
        key: of the client; HEADRACE_KEY unless given.
        user: your id of the person of all that names no other. A server's key acts for anybody.
        session: your id of the visit, of the user or of somebody who isn't known.
        token: that your backend signed for the user, or what gets a new one; for a browser's key.
        batch: events in a request at most, up to 1,000.
        on_error: told of events that were refused, and of a key that doesn't count, on another thread. They are logged
            unless it is given.

    Raises:
        ValueError: no URL is known.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        user: str | None = None,
        session: str | None = None,
        token: Token = None,
        batch: int = 500,
        on_error: Callable[[HeadraceError], None] | None = None,
    ) -> None:
        address = url or os.environ.get("HEADRACE_URL")
        if not address:
            raise ValueError("no address of the API: give url, or set HEADRACE_URL")
        self._connection = Connection(address, key or os.environ.get("HEADRACE_KEY"), token)
        self._person = {name: value for name, value in (("user", user), ("session", session)) if value is not None}
        self._outbox = Outbox(self._post, on_error or _log_error, batch, _MOST_WAITING)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sends what waits, as after an error too, and closes."""
        self.close()

    def view(self, item: str, **fields: Any) -> str:
        """Somebody looked at an item."""
        return self.track("view", item=item, **fields)

    def click(self, item: str, **fields: Any) -> str:
        """Somebody chose an item; with `recommendation` and `position` where it was recommended."""
        return self.track("click", item=item, **fields)

    def cart(self, item: str, **fields: Any) -> str:
        """Somebody put an item into the cart."""
        return self.track("cart", item=item, **fields)

    def purchase(self, item: str, value: float | None = None, **fields: Any) -> str:
        """Somebody bought an item; `value` is what it cost."""
        return self.track("purchase", item=item, value=value, **fields)

    def rate(self, item: str, value: float, **fields: Any) -> str:
        """Somebody rated an item, 0 to 10."""
        return self.track("rating", item=item, value=value, **fields)

    def impression(self, item: str, recommendation: str, position: int, **fields: Any) -> str:
        """Somebody saw an item that was recommended."""
        return self.track("impression", item=item, recommendation=recommendation, position=position, **fields)

    def track(self, kind: str, **fields: Any) -> str:
        """Queues any event of `POST /v1/events`, and gives its id. `user` or `session` says whose it is.

        Raises:
            TypeError, ValueError: a field is nothing that JSON has, such as a Decimal, a datetime, NaN or half of an
                emoji.
            NotSent: the queue is full and stays so for 10 s, or the client is closed.
        """
        person = {} if "user" in fields or "session" in fields else self._person
        event = {"id": str(uuid.uuid4()), "time": datetime.now(UTC).isoformat(), **person, **fields, "kind": kind}
        # Here, where whoever sends it can be told that it can't be sent.
        content = _json({name: value for name, value in event.items() if value is not None})
        self._outbox.add(content, _ROOM_TIMEOUT_S)
        return str(event["id"])

    def flush(self, timeout: float = 30.0) -> None:
        """Returns when the API has answered for every event so far.

        Raises:
            NotSent: some of them still wait after so many seconds.
        """
        self._outbox.flush(timeout)

    def close(self, timeout: float = 30.0) -> None:
        """Flushes and ends.

        Raises:
            NotSent: some events still waited after so many seconds, and are lost.
        """
        try:
            self.flush(timeout)
        finally:
            self._outbox.close()
            self._connection.close()

    def recommendations(self, *, surface: str = "home", count: int = 10, **query: Any) -> dict[str, Any]:
        """What somebody might want next: `id`, `items` with `position` and `reasons`, `arms`.

        Raises:
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer in three tries.
        """
        return self._connection.ask("/v1/recommendations", self._asked(surface=surface, count=count, **query))

    def similar(self, item: str, *, count: int = 10) -> dict[str, Any]:
        """Items that go with one, or are like it. Raises as `recommendations`."""
        return self._connection.ask(f"/v1/items/{quote(item, safe='')}/similar", {"count": count})

    def trending(self, *, count: int = 10, **query: Any) -> dict[str, Any]:
        """What many turn to now. Raises as `recommendations`."""
        return self._connection.ask("/v1/trending", {"count": count, **query})

    def live(self, *, surface: str = "home", count: int = 10, **query: Any) -> Iterator[dict[str, Any]]:
        """Recommendations at once, and each time that others are recommended, until the API ends the stream.

        Raises:
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer, or the stream broke off.
        """
        asked = self._asked(surface=surface, count=count, **query)
        with self._connection.lines("/v1/recommendations/live", asked) as lines:
            event = ""
            for line in lines:
                name, _, value = line.partition(": ")
                event = value if name == "event" else event
                if name == "data" and event == "recommendations":
                    yield json.loads(value)

    def put_items(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Puts up to 1,000 items into the catalog; each replaces all that was known of it. For a server's key.

        Raises:
            TypeError, ValueError: a field is nothing that JSON has.
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer. To put the same again is safe.
        """
        return self._connection.send("POST", "/v1/items", _json({"items": items}))

    def data(self, *, user: str | None = None, session: str | None = None, **query: Any) -> dict[str, Any]:
        """All that is held about a person, a page at a time. Raises as `recommendations`."""
        return self._connection.ask(self._data_path(user, session), query)

    def forget(self, *, user: str | None = None, session: str | None = None) -> dict[str, Any]:
        """Erases a person, after what waits was sent.

        Raises:
            NotSent: something still waited.
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer in three tries.
        """
        self.flush()
        return self._connection.ask(self._data_path(user, session), {}, "DELETE")

    def _asked(self, **query: Any) -> dict[str, Any]:
        if "user" in query or "session" in query:
            return query
        return {**self._person, **query}

    def _data_path(self, user: str | None, session: str | None) -> str:
        if user is None and session is None:
            user, session = self._person.get("user"), self._person.get("session")
        kind, person = ("users", user) if user is not None else ("sessions", session)
        if person is None:
            raise ValueError("nobody is named: give user or session")
        return f"/v1/{kind}/{quote(person, safe='')}/data"

    def _post(self, events: list[bytes]) -> dict[str, Any]:
        return self._connection.send("POST", "/v1/events", b'{"events":[%b]}' % b",".join(events))


def _json(content: object) -> bytes:
    # A text with half of a surrogate pair can't be encoded, and would have the API refuse all that is sent with it.
    return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _log_error(error: HeadraceError) -> None:
    _log.error("the API refused events: %s", error, extra={"errors": list(error.errors)})
