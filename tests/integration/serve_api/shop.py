"""A small shop in the topics that the API follows, as processors and the catalog's writers leave it there."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from confluent_kafka import Message

from headrace.followed_topic import FollowedTopic
from headrace.interactions.records import (
    ERASED,
    FEATURES,
    ITEM_MODELS,
    ITEMS,
    MADE,
    RECOMMENDERS,
    SESSIONS,
    Erasure,
    Item,
    ItemModel,
    Neighbour,
    Recent,
    Recommendation,
    RecommenderModel,
    Session,
    UserFeatures,
)
from headrace.kafka import Producer, headers_of_message
from headrace.records import Record, decode, encode, headers_of, record_key
from headrace.testing import wait_until
from tests.integration.serve_api.client import TIMEOUT_S, Api, Row

SITE = "default"
_TOPICS: dict[type, str] = {
    Erasure: ERASED,
    UserFeatures: FEATURES,
    Session: SESSIONS,
    Item: ITEMS,
    ItemModel: ITEM_MODELS,
    RecommenderModel: RECOMMENDERS,
}


def now_us() -> int:
    return time.time_ns() // 1_000


class Made:
    """The answers that are recorded, by id, as they come."""

    def __init__(self, brokers: str) -> None:
        self._found: dict[str, Recommendation] = {}
        self._topic = FollowedTopic(brokers, MADE, self._take, lambda _: None)
        self._topic.start(30)

    def of(self, answer: Mapping[str, Any]) -> Recommendation:
        """The record of an answer."""
        wait_until(lambda: answer["id"] in self._found, "the record of an answer")
        return self._found[answer["id"]]

    def has(self, answer: Mapping[str, Any]) -> bool:
        return answer["id"] in self._found

    def stop(self) -> None:
        self._topic.stop()

    def _take(self, message: Message) -> None:
        record = decode(message.value(), headers_of_message(message))
        assert isinstance(record, Recommendation)
        assert message.key() == record.subject.encode()
        self._found[record.id] = record


class Shop:
    """Each call returns when Kafka has the records. Items begin with a name that no other test uses."""

    def __init__(self, api: Api, producer: Producer, made: Made) -> None:
        self.api = api
        self.made = made
        self.name = f"shop-{secrets.token_hex(4)}"
        self._producer = producer
        self._revision = 0

    def item(self, name: str) -> str:
        return f"{self.name}/{name}"

    def write(self, *records: Record) -> None:
        for record in records:
            key = _key(record)
            self._producer.produce(_TOPICS[type(record)], encode(record), key, headers_of(record))
        self._producer.flush(30)

    def write_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        """A value that need not be an item, marked as one."""
        self._producer.produce(topic, value, key, [("schema", b"item.v1")])
        self._producer.flush(30)

    def put(self, name: str, **fields: Any) -> str:
        """Puts an item into the catalog, and waits until the API knows it."""
        item = Item(SITE, self.item(name), now_us(), title=f"A {name}", category=self.name, **fields)
        self.write(item)
        wait_until(lambda: self.row(name) == fields.get("price"), f"the item {name}")
        return item.item

    def remove(self, name: str) -> None:
        self._producer.produce(ITEMS, None, record_key(SITE, self.item(name)))
        self._producer.flush(30)

    def row(self, name: str) -> object:
        """The price that the API shows of an item; False where it has none."""
        answer = self.api.get(f"/v1/items/{self.item(name)}")
        return answer.json()["price"] if answer.status_code == 200 else False

    def learn(self, liked: dict[str, float], neighbours: dict[str, Sequence[str]] | None = None) -> int:
        """Publishes a version of the model: item → count, and what goes with which; gives its version."""
        version = now_us()
        for name, count in liked.items():
            beside = tuple(Neighbour(self.item(each), 1.0) for each in (neighbours or {}).get(name, ()))
            self.write(ItemModel(SITE, self.item(name), version, now_us(), count, (count,) * 4, beside))
        self.write(RecommenderModel(SITE, version, now_us(), 1))
        wait_until(lambda: self.recommended()["versions"].get("online") == version, "the model's version")
        return version

    def know(self, subject: str, *viewed: str, **fields: Any) -> UserFeatures:
        """Writes what is known of a subject, who viewed so many items, the newest last."""
        self._revision += 1
        now = now_us()
        recent = tuple(Recent(self.item(each), "view", now - 1_000, 1.0) for each in viewed)
        features = UserFeatures(SITE, subject, self._revision, now, now, now, recent, **fields)
        self.write(features)
        return features

    def write_features(self, subjects: Sequence[str]) -> None:
        """Something about many, 1 to 2 kB of each."""
        viewed = [secrets.token_hex(16) for _ in range(20)]
        now = now_us()
        recent = tuple(Recent(self.item(each), "view", now, 1.0) for each in viewed)
        self.write(*(UserFeatures(SITE, subject, 1, now, now, now, recent) for subject in subjects))

    def metric(self, name: str) -> float:
        """The sum over a metric's series."""
        text = httpx.get(f"{self.api.url}/metrics", timeout=TIMEOUT_S).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{"))

    def subject_of(self, user: str) -> str:
        """The subject of a user, who has it from their first answer on."""
        return self.made.of(wait_until(lambda: self._undegraded(user), f"an answer to {user}")).subject

    def _undegraded(self, user: str) -> dict[str, Any]:
        """An answer that lacks nothing, or an empty one."""
        answer = self.recommended(user=user)
        return {} if answer["degraded"] else answer

    def recommended(self, **parameters: object) -> dict[str, Any]:
        """An answer with items of this shop only."""
        answer = self.api.get("/v1/recommendations", **{"category": self.name, "count": 5, **parameters})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def names(self, answer: dict[str, Any]) -> list[str]:
        """The items of an answer by their names in this shop."""
        rows: list[Row] = answer["items"]
        return [str(row["item"]).removeprefix(f"{self.name}/") for row in rows]


def _key(record: Record) -> bytes:
    if isinstance(record, Item | ItemModel):
        return record_key(record.site, record.item)
    return (record.site if isinstance(record, RecommenderModel) else record.subject).encode()  # type: ignore[union-attr]


@contextmanager
def shop_of(api: Api, brokers: str) -> Iterator[Shop]:
    producer, made = Producer(brokers, "tests"), Made(brokers)
    try:
        yield Shop(api, producer, made)
    finally:
        producer.flush(30)
        made.stop()
