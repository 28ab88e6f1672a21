"""API → Kafka: writes records, and tells once Kafka has confirmed them."""

import asyncio
import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message

from headrace.errors import DeliveryError
from headrace.kafka import OnDelivery, Producer

MAX_QUEUED = 1_000
"""Far above what clients send at once: more waiting than this means that Kafka is away."""
_POLL_S = 0.1


class ConfirmedWriter:
    """Confirms each write; a thread of its own runs the delivery reports."""

    def __init__(self, brokers: str, delivery_timeout: float) -> None:
        overrides = {"delivery.timeout.ms": round(delivery_timeout * 1_000), "linger.ms": 0}
        self._producer = Producer(brokers, "serve_api", **overrides)
        self._timeout = delivery_timeout
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._report, name="delivery-reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for what is under way, at most the delivery time-out."""
        self._stopping.set()
        self._thread.join(self._timeout + 2 * _POLL_S)

    async def write(self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """Returns when Kafka has the record on all in-sync replicas.

        Raises:
            DeliveryError: it was not confirmed in time; whether it is in the log is unknown.
        """
        if len(self._producer) >= MAX_QUEUED:
            raise DeliveryError(len(self._producer), ())
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[None] = loop.create_future()
        self._producer.produce(topic, value, key, headers, _report_to(loop, confirmed))
        await confirmed

    def _report(self) -> None:
        while not self._stopping.is_set() or len(self._producer):
            self._producer.poll(_POLL_S)


def _report_to(loop: asyncio.AbstractEventLoop, confirmed: asyncio.Future[None]) -> OnDelivery:
    def settle(error: KafkaError | None) -> None:
        if confirmed.cancelled():
            return
        if error is None:
            confirmed.set_result(None)
        else:
            confirmed.set_exception(DeliveryError(0, [error.str()]))

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        loop.call_soon_threadsafe(settle, error)

    return on_delivery
