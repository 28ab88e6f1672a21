"""A person's recommendations as they change, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_api.recommendations.answering import Answering, Wanted
from serve_api.recommendations.live_watchers import LiveWatchers, Watcher
from serve_api.recommendations.people import Found
from serve_api.rows import encode

_RETRY_MS = 3_000
_LEAST_S = 0.1
"""Between two answers to one client, however much happens."""


class LiveAnswers:
    """The events of one client: `recommendations`, whose data are an answer, when others are recommended than before.

    Args:
        wanted: with a seed, so that chance alone changes nothing.
        model_interval: seconds, in which a new version of the model is looked at once at most.
    """

    def __init__(
        self,
        answering: Answering,
        wanted: Wanted,
        found: Found,
        watcher: Watcher,
        heartbeat: float,
        model_interval: float,
    ) -> None:
        self._answering = answering
        self._wanted = wanted
        self._found = found
        self._watcher = watcher
        self._heartbeat = heartbeat
        self._model_interval = model_interval
        self._shown: tuple[str, ...] | None = None

    async def events(self) -> AsyncIterator[bytes]:
        """Until the client leaves, its subject is erased, or the service ends."""
        yield f"retry: {_RETRY_MS}\n: following recommendations\n\n".encode()
        loop = asyncio.get_running_loop()
        while not self._watcher.ended and not self._answering.is_erased(self._found):
            if (event := await self._changed()) is not None:
                yield event
            next_by_model = loop.time() + self._model_interval
            await asyncio.sleep(_LEAST_S)
            while not await self._is_due(next_by_model):
                yield b": heartbeat\n\n"
        yield b'event: end\ndata: {"reason":"the service is restarting, or the person was erased; connect again"}\n\n'

    async def _is_due(self, next_by_model: float) -> bool:
        """Whether to look again; False after a silence."""
        watcher, loop = self._watcher, asyncio.get_running_loop()
        silence = loop.time() + self._heartbeat
        while not watcher.ended and not watcher.subject_changed:
            now = loop.time()
            if watcher.model_changed and now >= next_by_model:
                return True
            if now >= silence:
                return False
            until = min(silence, next_by_model) if watcher.model_changed else silence
            await watcher.wait(until - now)
        return True

    async def _changed(self) -> bytes | None:
        self._watcher.model_changed = self._watcher.subject_changed = False
        prepared = self._answering.prepare(self._wanted, self._found)
        if prepared.items == self._shown:
            return None
        self._shown = prepared.items
        answer = await self._answering.finish(prepared)
        return b"event: recommendations\ndata: " + encode(answer) + b"\n\n"


class LiveRecommendations(StreamingResponse):
    """Streams the events and lets the watcher go, however the answer ends."""

    media_type = "text/event-stream"

    def __init__(self, answers: LiveAnswers, watchers: LiveWatchers, watcher: Watcher) -> None:
        super().__init__(answers.events(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._watchers = watchers
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watchers.leave(self._watcher)
