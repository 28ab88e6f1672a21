"""A person's recommendations as they change, as server-sent events."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_api.recommendations.answering import Answering, Wanted
from serve_api.recommendations.live_watchers import LiveWatchers, Watcher
from serve_api.recommendations.people import Found
from serve_api.rows import encode

_RETRY_MS = 3_000
_SEED_BITS = 56
_LEAST_S = 0.1
"""Between two answers to one client, however much happens."""
LONGEST_S = 3_600.0
"""Of one stream; then the client connects again, and its key and its user's token are looked at again."""
_REASON = "the service is restarting, the person was erased, or it lasted an hour; connect again"
_END = b'event: end\ndata: {"reason":"%b"}\n\n' % _REASON.encode()


class LiveAnswers:
    """The events of one client: `recommendations`, whose data are an answer, when others are recommended than before.

    Args:
        wanted: without a seed it gets one for as long as it lasts, so that chance alone changes nothing.
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
        longest: float = LONGEST_S,
    ) -> None:
        self._answering = answering
        self._wanted = wanted if wanted.seed is not None else replace(wanted, seed=secrets.randbits(_SEED_BITS))
        self._found = found
        self._watcher = watcher
        self._heartbeat = heartbeat
        self._model_interval = model_interval
        self._longest = longest
        self._shown: tuple[str, ...] | None = None

    async def events(self) -> AsyncIterator[bytes]:
        """Until the client leaves, its subject is erased, the service ends, or it has lasted long enough."""
        yield f"retry: {_RETRY_MS}\n: following recommendations\n\n".encode()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._longest
        while not self._is_over(end):
            if (event := await self._changed()) is not None:
                yield event
            next_by_model = loop.time() + self._model_interval
            await asyncio.sleep(_LEAST_S)
            while not await self._is_due(next_by_model) and not self._is_over(end):
                yield b": heartbeat\n\n"
        yield _END

    def _is_over(self, end: float) -> bool:
        has_lasted = asyncio.get_running_loop().time() >= end
        return has_lasted or self._watcher.ended or self._answering.is_erased(self._found)

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
