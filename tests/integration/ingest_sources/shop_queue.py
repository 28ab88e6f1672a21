"""A queue of its own for each test, and what a shop publishes to it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pika

from headrace.testing import wait_until
from ingest_sources.rabbitmq.rabbitmq_source import RabbitmqOptions

PERSISTENT = 2


class ShopQueue:
    """A durable queue on a running RabbitMQ, made at once.

    Args:
        arguments: of the queue.
    """

    def __init__(self, url: str, arguments: dict[str, Any] | None = None) -> None:
        self.url = url
        self.name = f"orders-{uuid4().hex[:8]}"
        with self.channel() as channel:
            channel.queue_declare(self.name, durable=True, arguments=arguments)

    def options(self, **others: Any) -> dict[str, Any]:
        """Those of a source that reads it."""
        parameters = pika.URLParameters(self.url)
        own = {"host": parameters.host, "port": parameters.port, "user": "guest", "password_secret": "rabbit_password"}
        return {**own, "queue": self.name, **others}

    def model(self, **others: Any) -> RabbitmqOptions:
        return RabbitmqOptions.model_validate(self.options(**others))

    @contextmanager
    def channel(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def send(self, bodies: Iterable[bytes], exchange: str = "", key: str | None = None, **properties: Any) -> None:
        """Publishes bodies; they are in the queue when it returns."""
        own = pika.BasicProperties(delivery_mode=PERSISTENT, **properties)
        routing_key = self.name if key is None else key
        *before, last = bodies
        with self.channel() as channel:
            for body in before:
                channel.basic_publish(exchange, routing_key, body, own)
            # A quorum queue's channel drops what it still holds back when the connection ends; it keeps the order.
            channel.confirm_delivery()
            channel.basic_publish(exchange, routing_key, last, own)

    def send_rows(self, first: int, count: int) -> None:
        self.send(json.dumps({"id": number, "amount": number / 4}).encode() for number in range(first, first + count))

    def waiting(self, queue: str | None = None) -> int:
        """Messages that are in a queue and with no consumer."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue or self.name, passive=True).method.message_count)

    def wait_for(self, count: int, queue: str | None = None) -> None:
        """Waits until so many messages wait in a queue."""
        wait_until(lambda: self.waiting(queue) == count, f"{count} messages in {queue or self.name}")
