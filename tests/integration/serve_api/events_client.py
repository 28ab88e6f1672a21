"""Sends events as an app does, and reads what became of them in Kafka."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from confluent_kafka import Message

from headrace.errors import TerminalError
from headrace.followed_topic import FollowedTopic
from headrace.interactions.records import ITEMS, RAW, Interaction, Item
from headrace.kafka import headers_of_message
from headrace.records import decode
from headrace.testing import wait_until

TIMEOUT_S = 20.0
Event = dict[str, Any]


def view(**fields: Any) -> Event:
    """An event that no other test sends."""
    return {"id": uuid4().hex, "kind": "view", "user": f"user-{uuid4().hex}", "item": "cup", **fields}


@dataclass
class EventsClient:
    """One client of one API."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, body: object, **headers: str) -> httpx.Response:
        return self.request("POST", "/v1/events", json=body, headers=headers)

    def send_bytes(
        self, body: bytes, content_type: str = "application/json", path: str = "/v1/events"
    ) -> httpx.Response:
        return self.request("POST", path, content=body, headers={"content-type": content_type})

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in (headers or {}).items()}}
        return httpx.request(method, f"{self.url}{path}", headers=sent, timeout=TIMEOUT_S, **body)


class InKafka:
    """Interactions and items as they are in Kafka, from now on or from the beginning."""

    def __init__(self, brokers: str) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, list[tuple[bytes, bytes | None, Interaction | Item | None]]] = {RAW: [], ITEMS: []}
        self._topics = [FollowedTopic(brokers, topic, self._take, lambda _: None, self._take) for topic in (RAW, ITEMS)]
        for topic in self._topics:
            topic.start(TIMEOUT_S)

    def stop(self) -> None:
        for topic in self._topics:
            topic.stop()

    def interactions(self, is_wanted: Callable[[Interaction], bool], count: int = 1) -> list[Interaction]:
        """Those that are wanted, once there are so many."""

        def found() -> list[Interaction]:
            with self._lock:
                records = [record for _, _, record in self._values[RAW]]
            return [record for record in records if isinstance(record, Interaction) and is_wanted(record)]

        wait_until(lambda: len(found()) >= count, f"{count} interactions")
        return found()

    def by_id(self, event: Event) -> Interaction:
        """The one interaction of an event."""
        (found,) = self.interactions(lambda record: record.id == event["id"])
        return found

    def values_of(self, topic: str, key: bytes) -> list[bytes | None]:
        """The values of a key, the oldest first."""
        with self._lock:
            return [value for known, value, _ in self._values[topic] if known == key]

    def text(self) -> bytes:
        """All of what is there."""
        with self._lock:
            return b"".join(key + (value or b"") for values in self._values.values() for key, value, _ in values)

    def _take(self, message: Message) -> None:
        value, key, topic = message.value(), message.key() or b"", message.topic()
        try:
            record = None if value is None else decode(value, headers_of_message(message))
        except TerminalError:
            # Another test has written what nobody can read.
            return
        assert record is None or isinstance(record, Interaction | Item)
        with self._lock:
            self._values[topic or ""].append((key, value, record))
