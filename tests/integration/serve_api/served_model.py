"""A model of one running API: promotes versions of it, asks it, and reads what it wrote to Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from headrace.kafka import Producer, headers_of_message
from headrace.models.records import MADE, OUTCOMES, PROMOTED, ModelVersion, Outcome, Prediction, Promotion
from headrace.range_reader import RangeReader
from headrace.records import decode, encode, headers_of
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until
from serve_api.times import iso

PATIENCE_S = 20.0


@dataclass
class ServedModel:
    """Asks over one connection."""

    name: str
    brokers: str
    http: httpx.Client
    producer: Producer
    revision: int = 0
    updated: int = 0

    @staticmethod
    @contextmanager
    def of(url: str, brokers: str) -> Iterator[ServedModel]:
        producer = Producer(brokers, "tests")
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
            yield ServedModel(f"usage_{uuid4().hex[:8]}", brokers, http, producer)
        producer.flush(PATIENCE_S)

    def announce(self, champion: ModelVersion, **others: Any) -> float:
        """Promotes, and gives the monotonic time at which Kafka had confirmed it."""
        self.revision += 1
        self.updated = time.time_ns() // 1_000
        promotion = Promotion(self.name, self.revision, champion, self.updated, **others)
        self.producer.produce(PROMOTED, encode(promotion), self.name.encode(), headers_of(promotion))
        self.producer.flush(PATIENCE_S)
        return time.monotonic()

    def promote(self, champion: ModelVersion, **others: Any) -> None:
        """Promotes, and returns when it runs, or is refused."""
        self.announce(champion, **others)
        wanted = {"champion": champion.version} | {
            role: others[role].version for role in ("canary", "shadow") if role in others
        }

        def runs() -> bool:
            shown = self.http.get(f"/v1/models/{self.name}").json().get("model", {})
            there = {each["role"]: each["version"] for each in shown.get("versions", ())}
            is_this = shown.get("updated") == iso(self.updated)
            return is_this and (there == wanted or bool(shown["problems"]))

        wait_until(runs, f"{wanted} to run", timeout=PATIENCE_S, every=0.02)

    def post(self, body: object, path: str = "", **options: Any) -> httpx.Response:
        """Asks for predictions, or posts to another path."""
        query = {name: str(value) for name, value in options.items()}
        return self.http.post(path or f"/v1/models/{self.name}/predict", json=body, params=query)

    def predict(self, body: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """An answer that has to be one."""
        answer = self.post(body, **options)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def predictions(self) -> list[Prediction]:
        """What it said, as Kafka has it, in order within an id."""
        return [record for record in self._records(MADE) if isinstance(record, Prediction)]

    def outcomes(self) -> list[Outcome]:
        """What came, as Kafka has it."""
        return [record for record in self._records(OUTCOMES) if isinstance(record, Outcome)]

    def _records(self, topic: str) -> Iterator[Prediction | Outcome]:
        for number, (start, end) in enumerate(find_ranges(self.brokers, [topic], 0, None)[topic]):
            with closing(RangeReader(self.brokers, topic, number)) as reader:
                reader.start(start, end)
                while not reader.is_done:
                    for message in reader.read():
                        record = decode(message.value(), headers_of_message(message))
                        assert isinstance(record, Prediction | Outcome)
                        assert message.key() == record.id.encode()
                        if record.model == self.name:
                            yield record
