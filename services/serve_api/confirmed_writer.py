"""The service's one producer to Kafka: writes records, and tells once Kafka has confirmed them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message

from headrace.errors import DeliveryError
from headrace.kafka import Producer

MAX_QUEUED = 10_000
"""Records of one topic, far above what clients send at once: more waiting than this means that Kafka is away."""
MAX_QUEUED_BYTES = 64 << 20
"""Bytes of one topic that wait, unless a topic has a limit of its own."""
LINGER_MS = 2
"""What comes within it shares a request to Kafka, which costs more than all the rest of a small write."""
_LIBRARY_KILOBYTES = 2 << 20
"""Of librdkafka's queue, above what the limits here let in: a full one would keep `produce` waiting."""
_LOOK_S = 0.002
_QUIET_S = 0.1

Headers = Sequence[tuple[str, bytes]]
Entry = tuple[bytes, bytes | None]
"""Key and value of a record; without a value it says that the key is gone."""


@dataclass
class _Queued:
    """What of one topic waits to be confirmed."""

    records: int = 0
    bytes: int = 0

    def add(self, records: int, size: int) -> None:
        self.records += records
        self.bytes += size


class ConfirmedWriter:
    """Confirms each write. Delivery reports are looked for on the event loop, every two ms while some are due.

    A thread that waits for them would have to take the interpreter from the loop, and wake it, for each. What waits is
    bounded for each topic by itself, so that predictions take no place from devices and pushes.

    Args:
        limits: topic → bytes that may wait, where more than `MAX_QUEUED_BYTES` are held anyway.
    """

    def __init__(self, brokers: str, delivery_timeout: float, limits: Mapping[str, int] | None = None) -> None:
        overrides = {
            "delivery.timeout.ms": round(delivery_timeout * 1_000),
            "linger.ms": LINGER_MS,
            "queue.buffering.max.kbytes": _LIBRARY_KILOBYTES,
        }
        self._producer = Producer(brokers, "serve_api", **overrides)
        self._timeout = delivery_timeout
        self._limits = limits or {}
        self._queued: dict[str, _Queued] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._look_for_reports()

    def stop(self) -> None:
        """Waits for what is under way, at most the delivery time-out; called on the event loop when nobody writes."""
        if self._look is not None:
            self._look.cancel()
        # Those who wait for a record were told by its own report.
        with suppress(DeliveryError):
            self._producer.flush(self._timeout)

    async def write(self, topic: str, value: bytes, key: bytes, headers: Headers) -> None:
        """Returns when Kafka has the record on all in-sync replicas.

        Raises:
            DeliveryError: it was not confirmed in time; whether it is in the log is unknown.
        """
        await self.write_all(topic, [(key, value)], headers)

    async def write_all(self, topic: str, entries: Sequence[Entry], headers: Headers) -> None:
        """As `write`, for several records of one kind.

        Raises:
            DeliveryError: some were not confirmed in time; which of them are in the log is unknown. Or too much of the
                topic waits already; then none of them is.
        """
        size = _size(entries, headers)
        queued = self._room(topic, len(entries), size)
        write = _Write(asyncio.get_running_loop().create_future(), queued, len(entries), size)
        for at, (key, value) in enumerate(entries):
            try:
                self._producer.offer(topic, value, key, headers, write.report)
            except BufferError:
                # To wait for a place would keep all other requests waiting too.
                write.end_at(at)
                break
        self._look_soon()
        await write.confirmed

    def waiting(self, topic: str) -> int:
        """Bytes of a topic that are not confirmed yet."""
        return self._queued[topic].bytes if topic in self._queued else 0

    def _room(self, topic: str, records: int, size: int) -> _Queued:
        queued = self._queued.setdefault(topic, _Queued())
        if queued.records + records > MAX_QUEUED:
            raise DeliveryError(queued.records, ())
        # A write that is larger than the limit by itself isn't refused for ever.
        if queued.bytes and queued.bytes + size > self._limits.get(topic, MAX_QUEUED_BYTES):
            raise DeliveryError(queued.records, ())
        return queued

    def _look_soon(self) -> None:
        if self._loop is not None and (self._look is None or self._look.when() > self._loop.time() + 2 * _LOOK_S):
            if self._look is not None:
                self._look.cancel()
            self._look = self._loop.call_later(_LOOK_S, self._look_for_reports)

    def _look_for_reports(self) -> None:
        assert self._loop is not None  # noqa: S101 - it runs there
        try:
            self._producer.poll(0)
        finally:
            # While no report is due, librdkafka's log lines may be, which wait there too.
            self._look = self._loop.call_later(_LOOK_S if len(self._producer) else _QUIET_S, self._look_for_reports)


class _Write:
    """Records that were queued at once, until the report of the last."""

    def __init__(self, confirmed: asyncio.Future[None], queued: _Queued, count: int, size: int) -> None:
        self.confirmed = confirmed
        self._queued = queued
        self._count = self._left = count
        self._size = size
        queued.add(count, size)

    def report(self, error: KafkaError | None, _: Message) -> None:
        """Called by the producer for each record."""
        self._left -= 1
        if error is not None:
            self._fail(DeliveryError(self._left, [error.str()]))
        self._end_if_all_came()

    def end_at(self, at: int) -> None:
        """Only the records before this one were queued."""
        self._left -= self._count - at
        self._fail(DeliveryError(self._left, ["the producer's queue is full"]))
        self._end_if_all_came()

    def _fail(self, error: DeliveryError) -> None:
        if not self.confirmed.done():
            self.confirmed.set_exception(error)

    def _end_if_all_came(self) -> None:
        if self._left == 0:
            self._queued.add(-self._count, -self._size)
            if not self.confirmed.done():
                self.confirmed.set_result(None)


def _size(entries: Sequence[Entry], headers: Headers) -> int:
    each = sum(len(name) + len(value) for name, value in headers)
    return sum(len(key) + len(value or b"") + each for key, value in entries)
