"""`/v1/live/…`: readings and anomalies as they come, by server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from serve_api.live_hub import Dropped, Filter, LiveEvent, Stream, Subscription
from serve_api.paging import DeviceName, Metric
from serve_api.problems import Fault, invalid, responses
from serve_api.rows import encode
from serve_api.services import Reader, Services, ServicesDep
from serve_api.times import iso

router = APIRouter(prefix="/v1/live", tags=["live"])

_NAMES = {Stream.READINGS: "reading", Stream.ANOMALIES: "anomaly"}
_RETRY_MS = 3_000
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `reading` or `anomaly`, whose data are a row as in the list; `dropped` and `gap`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **responses(403, 422, 503),
}

LastEventId = Annotated[
    str | None, Header(description="Sent by browsers when they connect again; the stream then begins with `gap`")
]


class LiveQuery(BaseModel):
    """What to follow; all of the site, where nothing is given."""

    model_config = ConfigDict(extra="forbid")

    device: DeviceName | None = None
    metric: Metric | None = None


@router.get("/readings", response_class=StreamingResponse, responses=_ANSWERS)
async def follow_readings(
    query: Annotated[LiveQuery, Query()], principal: Reader, services: ServicesDep, last_event_id: LastEventId = None
) -> StreamingResponse:
    """Each reading that is appended from now on, as the event `reading`.

    A client that reads too slowly gets `dropped` with the count of events that it lost. After a reconnect `gap` names
    the append time of the last event that was seen: ask `/v1/readings` for what came in between.
    """
    wanted = Filter(principal.site, query.device, query.metric)
    return await _follow(services, Stream.READINGS, wanted, last_event_id)


@router.get("/anomalies", response_class=StreamingResponse, responses=_ANSWERS)
async def follow_anomalies(
    query: Annotated[LiveQuery, Query()], principal: Reader, services: ServicesDep, last_event_id: LastEventId = None
) -> StreamingResponse:
    """Each anomaly that is found from now on, as the event `anomaly`; `dropped` and `gap` as for readings."""
    wanted = Filter(principal.site, query.device, query.metric)
    return await _follow(services, Stream.ANOMALIES, wanted, last_event_id)


class LiveAnswer(StreamingResponse):
    """Streams a subscription and closes it, however the answer ends."""

    media_type = "text/event-stream"

    def __init__(self, services: Services, subscription: Subscription, gap_since: int | None) -> None:
        events = _events(subscription, services.settings.live_heartbeat, gap_since)
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._services = services
        self._subscription = subscription

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _leave(self._services, self._subscription)


async def _follow(services: Services, stream: Stream, wanted: Filter, last_event_id: str | None) -> LiveAnswer:
    gap_since = None if last_event_id is None else _append_ms(last_event_id)
    subscription = services.hub.subscribe(stream, wanted)
    try:
        await services.feed.follow(stream)
    except BaseException:
        _leave(services, subscription)
        raise
    return LiveAnswer(services, subscription, gap_since)


def _leave(services: Services, subscription: Subscription) -> None:
    services.hub.release(subscription)
    services.feed.unfollow(subscription.stream)


async def _events(subscription: Subscription, heartbeat: float, gap_since: int | None) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY_MS}\n: following {subscription.stream}\n\n".encode()
    if gap_since is not None:
        yield _event("gap", encode({"since": iso(gap_since * 1_000), "since_ms": gap_since}))
    while (events := await subscription.take(heartbeat)) is not None:
        yield b"".join(_render(event, subscription.stream) for event in events) or b": heartbeat\n\n"
    yield _event("end", b'{"reason":"the service is restarting; connect again"}')


def _render(event: LiveEvent | Dropped, stream: Stream) -> bytes:
    if isinstance(event, Dropped):
        return _event("dropped", encode({"count": event.count}))
    return f"id: {event.id}\n".encode() + _event(_NAMES[stream], event.data)


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _append_ms(last_event_id: str) -> int:
    append_ms = last_event_id.partition("-")[0]
    if not (append_ms.isascii() and append_ms.isdecimal() and len(append_ms) <= 14):
        raise invalid(Fault("Last-Event-ID", f"{last_event_id!r} is no id of this stream", "leave the header out"))
    return int(append_ms)
