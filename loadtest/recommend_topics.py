"""A made shop in the topics that serve_api follows: items, a model of each, last visits, and what is known of people.

Which items people turn to follows Zipf's law, as in shops; all is drawn with a seed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import (
    FEATURES,
    ITEM_MODELS,
    ITEMS,
    RECOMMENDERS,
    SESSIONS,
    Item,
    ItemModel,
    Neighbour,
    Recent,
    RecommenderModel,
    Session,
    UserFeatures,
)
from headrace.kafka import Producer
from headrace.records import encode, headers_of, record_key

SITE = "default"
NEIGHBOURS = 50
SESSION_ITEMS = 6
_DIMENSIONS = 32
_CATEGORIES = 200
_TAGS = 500
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


class MadeShop:
    """Writes it.

    Args:
        items, sessions: how many.
    """

    def __init__(self, brokers: str, items: int, sessions: int, seed: int = 1) -> None:
        self.items = items
        self.sessions = sessions
        self._random = np.random.default_rng(seed)
        weights = 1.0 / np.arange(1, items + 1)
        self._sums = np.cumsum(weights / weights.sum())
        self._beside = self._drawn(items * NEIGHBOURS).reshape(items, NEIGHBOURS)
        self._vectors = self._random.normal(0, 0.1, (items, _DIMENSIONS)).round(4)
        self._producer = Producer(brokers, "loadtest")
        self._now = time.time_ns() // 1_000

    def write_items(self) -> None:
        """The catalog and a version of the online model, with what goes with each item."""
        for number in range(self.items):
            name = item_name(number)
            key = record_key(SITE, name)
            item = Item(
                SITE,
                name,
                self._now,
                title=f"Thing {number} of make {number % 977}",
                category=f"category-{number % _CATEGORIES}",
                tags=(f"tag-{number % _TAGS}", f"brand-{number % 37}"),
                price=round(5 + number % 95 + 0.99, 2),
                image=f"/images/{number}.jpg",
                created=self._now - number * 60_000_000,
            )
            self._write(ITEMS, key, item)
            self._write_model(number, 1)
        self._write(RECOMMENDERS, SITE.encode(), RecommenderModel(SITE, 1, self._now, 1_000_000))
        self._producer.flush(60)

    def write_sessions(self) -> None:
        """The last visits."""
        draws = self._drawn(self.sessions * SESSION_ITEMS).reshape(self.sessions, SESSION_ITEMS)
        for row in draws:
            subject = secrets.token_urlsafe(16)
            items = tuple(item_name(each) for each in dict.fromkeys(row.tolist()))
            session = Session(SITE, subject, self._now - _DAY_US, self._now, 1, items, final=True)
            self._write(SESSIONS, subject.encode(), session)
        self._producer.flush(60)

    def write_people(self, subjects: Sequence[str]) -> int:
        """What is known of people, of whom each turned to 5 to 50 items; gives its bytes."""
        written = 0
        for subject in subjects:
            features = self.features(subject)
            value = encode(features)
            self._producer.produce(FEATURES, value, subject.encode(), headers_of(features))
            written += len(value)
        self._producer.flush(60)
        return written

    def features(self, subject: str) -> UserFeatures:
        """Something new about a person."""
        now = time.time_ns() // 1_000
        names = [item_name(each) for each in dict.fromkeys(self._drawn(int(self._random.integers(5, 51))).tolist())]
        recent = tuple(
            Recent(name, "view", now - (len(names) - at) * 3_600_000_000, 1.0) for at, name in enumerate(names)
        )
        counts = {"view": 40, "click": 9, "cart": 2, "purchase": 1}
        return UserFeatures(
            SITE,
            subject,
            52,
            now,
            now,
            now - 30 * _DAY_US,
            recent,
            now,
            tuple(names[-5:]),
            tuple(names[:2]),
            counts,
            {kind: count / 3 for kind, count in counts.items()},
        )

    def update(self, subjects: Sequence[str], rate: float, seconds: float) -> int:
        """Writes new features of people at a rate; gives how many."""
        # Made before, as the generator's core is shared with Kafka.
        made = [(each.encode(), self.features(each)) for each in subjects]
        ready = [(key, encode(features), headers_of(features)) for key, features in made]
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            for at in range(sent, int(passed * rate)):
                key, value, headers = ready[at % len(ready)]
                self._producer.produce(FEATURES, value, key, headers)
                sent = at + 1
            self._producer.poll(0)
            time.sleep(0.005)
        self._producer.flush(60)
        return sent

    def write_models(self, seconds: float, a_version: int = 500) -> int:
        """Versions of the model, one a second with so many items; gives how many items were written."""
        written, began = 0, time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            version = 2 + int(passed)
            for number in dict.fromkeys(self._drawn(a_version).tolist()):
                self._write_model(number, version)
                written += 1
            self._write(RECOMMENDERS, SITE.encode(), RecommenderModel(SITE, version, self._now, 1_000_000))
            self._producer.flush(60)
            time.sleep(max(0.0, began + int(passed) + 1 - time.monotonic()))
        return written

    def _write_model(self, number: int, version: int) -> None:
        count = 1e5 / (number + 1)
        beside = tuple(
            Neighbour(item_name(each), 1 / (at + 1)) for at, each in enumerate(self._beside[number].tolist())
        )
        decayed = (count / 300, count / 80, count / 20, count / 4)
        vector = tuple(self._vectors[number].tolist())
        model = ItemModel(SITE, item_name(number), version, self._now, count, decayed, beside, vector)
        self._write(ITEM_MODELS, record_key(SITE, item_name(number)), model)

    def _drawn(self, count: int) -> NDArray[np.intp]:
        return np.minimum(np.searchsorted(self._sums, self._random.random(count)), self.items - 1)

    def _write(self, topic: str, key: bytes, record: Item | ItemModel | RecommenderModel | Session) -> None:
        self._producer.produce(topic, encode(record), key, headers_of(record))


def item_name(number: int) -> str:
    return f"item-{number}"
