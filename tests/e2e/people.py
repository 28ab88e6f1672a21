"""What people do in the pipeline under test, by every way in; and what became of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from headrace.recommend.ranking_features import FEATURES
from headrace.testing import wait_until
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.interaction_checker import Logged
from loadtest.interaction_scan import count, learned, logged
from loadtest.scan_cassandra import cassandra_session
from loadtest.scan_kafka import read_topic
from tests.integration.train_models.test_data_sources import read, rows
from train_models.data.snapshots import Snapshot
from train_models.recommending.left_out import people_left_out

ROUTES = """
personal:
  subscribe: [kiosks/+/events]
  routes: [{name: kiosk, pattern: "kiosks/{kiosk}/events", context: [kiosk]}]
"""
VISITS = """
kind: files
folder: visits
stable_seconds: 1
rules: [{time: {from: [time], formats: [epoch], into: time}}]
into: {topic: interactions.raw, user: "{who}", kind: view, item: "{item}", id: "{id}"}
"""
GOODS = """
kind: files
folder: goods
stable_seconds: 1
rules: [{cast: {columns: {item: text}, others: number}}]
into: {topic: items.catalog, item: "{item}", price: price}
"""
_TIMEOUT_S = 20
_ALIKE = FEATURES.index("sessions_rank")


@dataclass
class People:
    """Users: `known`, of whom the app tells; `gone`, of whom a kiosk and a file tell too, and who is erased; and one
    who doesn't let us personalise.

    Attributes:
        shy: the event of the last.
        before, after: of `gone` the subjects by which each edge knew them, before and after their erasure.
    """

    stack: Stack
    name: str = field(default_factory=lambda: f"edge-{uuid4().hex[:12]}")
    shy: str = ""
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    _attempts: Iterator[int] = field(default_factory=itertools.count)

    @property
    def known(self) -> str:
        return f"{self.name}-known"

    @property
    def gone(self) -> str:
        return f"{self.name}-gone"

    @property
    def url(self) -> str:
        return self.stack.url("serve_api")

    @property
    def item(self) -> str:
        return f"{self.name}-cup"

    @property
    def filed_item(self) -> str:
        return f"{self.name}-filed"

    def happen(self) -> None:
        """Everything, in its order."""
        goods = [{"item": f"{self.name}-{each}", "title": each, "price": 2} for each in ("cup", "mug", "jug", "pot")]
        httpx.post(f"{self.url}/v1/items", json={"items": goods}, timeout=_TIMEOUT_S).raise_for_status()
        self._drop("goods", f"item,price\n{self.filed_item},3\n")
        self._withdraw_consent()
        self.before = self._told_by_every_edge("before")
        self.answer = self._shop()
        wait_until(lambda: len(self.data(self.gone)) == len(self.before), "the sink", 60)
        path = f"{self.url}/v1/users/{self.gone}/data"
        httpx.delete(path, timeout=_TIMEOUT_S).raise_for_status()
        self.after = wait_until(self._told_anew, "every edge to hear of the erasure", 90)

    def send(self, user: str, kind: str = "view", **fields: object) -> str:
        """Sends an event by the app; gives its id."""
        event = {"id": f"{self.name}-{uuid4().hex}", "kind": kind, "user": user, "item": self.item, **fields}
        httpx.post(f"{self.url}/v1/events", json=event, timeout=_TIMEOUT_S).raise_for_status()
        return str(event["id"])

    def data(self, user: str) -> list[dict[str, Any]]:
        """What the API shows of Cassandra's records about a user."""
        answer = httpx.get(f"{self.url}/v1/users/{user}/data", params={"limit": "1000"}, timeout=_TIMEOUT_S)
        found: list[dict[str, Any]] = answer.json()["items"] if answer.status_code == 200 else []
        return found

    def recommended(self, user: str) -> dict[str, Any]:
        asked = {"user": user, "surface": "home", "count": "3"}
        found = httpx.get(f"{self.url}/v1/recommendations", params=asked, timeout=_TIMEOUT_S)
        answer: dict[str, Any] = found.raise_for_status().json()
        return answer

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/v1/{path}", timeout=_TIMEOUT_S).raise_for_status().json()

    def raw(self) -> dict[str, Logged]:
        """The interactions of these people, by id."""
        found = logged(self.stack.brokers, "interactions.raw")
        return {each.record["id"]: each for each in found if each.record["id"].startswith(self.name)}

    @cached_property
    def subject(self) -> str:
        """Of `known`."""
        (found,) = {
            each.subject for each in logged(self.stack.brokers, "recommendations.made") if self._is_answer(each)
        }
        return found

    def values(self, topic: str, subject: str) -> list[bytes | None]:
        """Of a subject, the oldest first."""
        return [m.value() for m in read_topic(self.stack.brokers, topic) if m.key() == subject.encode()]

    def features(self, subject: str) -> dict[str, Any] | None:
        """The newest."""
        found = self.values("interactions.features", subject)
        return None if not found or found[-1] is None else json.loads(found[-1])

    def has_exposures(self) -> bool:
        """Whether it is known what came of the answer. Has `known` look again: append time moves by that alone."""
        self.send(self.known)
        found = [
            each.record
            for each in logged(self.stack.brokers, "interactions.exposures")
            if each.record["recommendation"] == self.answer["id"]
        ]
        return [each.get("clicked", False) for each in found] == [True] + [False] * (len(self.answer["items"]) - 1)

    def is_left_out_of_training(self) -> bool:
        """Whether train_models knows who doesn't let us personalise."""
        (subject,) = {each.subject for each in self.raw().values() if each.record["id"] == self.shy}
        return subject in people_left_out(self.stack.brokers)

    def goes_by_sessions(self) -> bool:
        """Whether an answer to `known` was ranked by the visits of the peers."""
        self.recommended(self.known)
        made = logged(self.stack.brokers, "recommendations.made")
        shown = [item for each in made if each.subject == self.subject for item in each.record["items"]]
        return any(features[_ALIKE] > 0 for *_, features in shown)

    def enrolled(self) -> int:
        """People of the experiment on the surface for which is asked here."""
        records = read_topic(self.stack.brokers, "experiments.totals")
        found = {each.key(): json.loads(each.value() or b"") for each in records}
        return sum(each["enrolled"] for each in found.values() if each["experiment"] == "home_variety")

    def rows(self, subject: str) -> int:
        """Of Cassandra."""
        with cassandra_session(self.stack.host, self.stack.ports.cassandra) as session:
            return sum(row.subject == subject for row in session.execute("SELECT subject FROM subject_records"))

    def has_learned_all(self) -> bool:
        """Whether the online model has every lesson and exposure, of which there are some."""
        lessons, exposures = (count(self.stack.brokers, f"interactions.{each}") for each in ("lessons", "exposures"))
        return bool(lessons and exposures) and learned(self.stack.brokers) == lessons + exposures

    def frozen(self, topic: str, label: str) -> Snapshot:
        """What train_models reads of a topic."""
        folder = Path(tempfile.mkdtemp(dir=self.stack.layout.root))
        return read(self.stack, folder, label=label, topic={"name": topic})

    def frozen_column(self, topic: str, label: str, column: str) -> set[str]:
        """A column of it."""
        return {str(row[column]) for row in rows(self.frozen(topic, label))}

    def metric(self, service: str, name: str, **labels: str) -> float:
        samples = scrape(self.stack.url(service))
        return samples.total(name, **labels) if samples else 0.0

    def _withdraw_consent(self) -> None:
        user = f"{self.name}-shy"
        self.shy = self.send(user)
        path = f"{self.url}/v1/users/{user}/consent"
        httpx.put(path, json={"personalisation": False}, timeout=_TIMEOUT_S).raise_for_status()

    def _is_answer(self, each: Logged) -> bool:
        return bool(each.record["id"] == self.answer["id"])

    def _shop(self) -> dict[str, Any]:
        """Has `known` look and buy, and gives an answer that they clicked on."""
        self.send(self.known)
        for peer in range(2):
            for each in (self.item, f"{self.name}-pot"):
                self.send(f"{self.name}-peer-{peer}", item=each)
        answer = wait_until(self._answer_with_items, "recommendations", 60, every=0.2)
        for place, row in enumerate(answer["items"]):
            self.send(self.known, "impression", item=row["item"], recommendation=answer["id"], position=place)
        first = answer["items"][0]["item"]
        self.send(self.known, "click", item=first, recommendation=answer["id"], position=0)
        self.send(self.known, "purchase", value=2.5)
        return answer

    def _answer_with_items(self) -> dict[str, Any]:
        answer = self.recommended(self.known)
        is_whole = answer["items"] and answer["kind"] == "personal" and "record" not in answer["degraded"]
        return answer if is_whole else {}

    def _told_anew(self) -> dict[str, str]:
        """Nothing while an edge hasn't heard yet, whose events then go with the erased ones."""
        told = self._told_by_every_edge(f"after-{next(self._attempts)}")
        return {} if set(told.values()) & set(self.before.values()) else told

    def _told_by_every_edge(self, when: str) -> dict[str, str]:
        """Has each edge tell of `gone`, and gives the subject by which each knows them."""
        ids = {edge: f"{self.name}-{when}-{edge}" for edge in ("ingest_mqtt", "ingest_sources", "serve_api")}
        event = {"id": ids["ingest_mqtt"], "kind": "view", "user": self.gone, "item": self.item}
        asyncio.run(_publish(self.stack, json.dumps(event)))
        row = f"{ids['ingest_sources']},{self.gone},{self.item},{int(time.time())}"
        self._drop("visits", f"id,who,item,time\n{row}\n")
        self.send(self.gone, id=ids["serve_api"])

        def subjects() -> dict[str, str]:
            raw = self.raw()
            found = {edge: raw[number].subject for edge, number in ids.items() if number in raw}
            return found if len(found) == len(ids) else {}

        return wait_until(subjects, f"what every edge tells {when} the erasure", 60, every=0.5)

    def _drop(self, folder: str, text: str) -> None:
        path = self.stack.layout.data("ingest_sources") / folder / f"{self.name}-{uuid4().hex}.csv"
        part = path.with_suffix(".part")
        part.write_text(text)
        part.rename(path)


async def _publish(stack: Stack, body: str) -> None:
    async with Publisher(stack.host, stack.ports.mqtt, f"kiosk-{uuid4().hex}") as kiosk:
        await kiosk.publish([Message(topic_field("kiosks/k1/events"), body.encode(), 1)])
        await kiosk.drain(60)
