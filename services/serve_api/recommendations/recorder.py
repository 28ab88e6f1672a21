"""Answers as records in `recommendations.made`, before they are answered, if Kafka is quick enough."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from headrace.clock import Clock
from headrace.errors import DeliveryError
from headrace.interactions.records import MADE, Recommendation
from headrace.records import encode, headers_of

_PROBE_S = 1.0


class Writer(Protocol):
    """`serve_api.confirmed_writer.ConfirmedWriter`."""

    async def write(self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None: ...


class Recorder:
    """Writes answers under their subject.

    After one that Kafka didn't confirm in time, only one a second waits for it until one is confirmed again: others are
    queued and answered at once, so that people don't wait while Kafka is away.

    Args:
        timeout: seconds that an answer waits.
    """

    def __init__(self, writer: Writer, clock: Clock, timeout: float) -> None:
        self._writer = writer
        self._clock = clock
        self._timeout = timeout
        self._next_probe: float | None = None

    async def record(self, made: Recommendation) -> bool:
        """Whether Kafka has confirmed it; after False it may still come to be in the topic."""
        now = self._clock.monotonic()
        is_probe = self._next_probe is None or now >= self._next_probe
        if self._next_probe is not None and is_probe:
            self._next_probe = now + _PROBE_S
        try:
            async with asyncio.timeout(self._timeout if is_probe else 0):
                await self._writer.write(MADE, encode(made), made.subject.encode(), headers_of(made))
        except (TimeoutError, DeliveryError):
            if self._next_probe is None:
                self._next_probe = self._clock.monotonic() + _PROBE_S
            return False
        self._next_probe = None
        return True
