"""Of who is erased nothing is left in the whole system, nor does anything come back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.interactions.records import RAW, Interaction
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from loadtest.interaction_scan import count, logged
from loadtest.scan_cassandra import cassandra_session
from loadtest.scan_kafka import read_topic, unread
from tests.e2e.people import People
from tests.integration.subjects.traces import files_with, forms, records_with, rows_with

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

_DERIVED = ("interactions.features", "interactions.sessions", "interactions.lessons", "interactions.exposures")
_CHANGELOG = "process_interactions.changelog"
_REPLAY = "again"


class Canary:
    """A person with values that nobody else has, whom the app tells of."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.user = f"canary-{uuid4().hex}@example.org"
        self.visit = f"visit-{uuid4().hex}"
        self.values = {"email": f"{uuid4().hex}@example.org", "phone": f"+49-{uuid4().int % 10**15}"}
        self.subject = ""

    def act(self, control: str) -> None:
        """Looks, is recommended, clicks and buys; returns when all of it is everywhere."""
        people = self.people
        goods = [{"item": each, "title": "Cup"} for each in (people.item, f"{people.name}-mug", control)]
        httpx.post(f"{people.url}/v1/items", json={"items": goods}, timeout=20).raise_for_status()
        for number in range(8):
            context = {**self.values, "page": number}
            people.send(self.user, session=self.visit, item=goods[number % 3]["item"], context=context)
        answer = wait_until(self._recommended, "recommendations for somebody known", 60, every=0.2)
        named = {"recommendation": answer["id"], "position": 0, "item": answer["items"][0]["item"]}
        people.send(self.user, "click", **named)
        people.send(self.user, "purchase", value=3.5, personal={"note": self.visit}, **named)
        self.subject = self.subject_of(answer)
        wait_until(lambda: people.rows(self.subject) >= 11, "the sink", 60, every=0.5)
        wait_until(lambda: self.derived() >= {"interactions.features", "interactions.lessons"}, "features", 60)
        wait_until(people.has_learned_all, "the online model", 60, every=0.5)

    def subject_of(self, answer: dict[str, Any]) -> str:
        """Under which an answer was recorded."""

        def found() -> str:
            made = logged(self.people.stack.brokers, "recommendations.made")
            return next((each.subject for each in made if each.record["id"] == answer["id"]), "")

        return wait_until(found, "the answer's record", 30, every=0.2)

    def derived(self, suffix: str = "") -> set[str]:
        """The topics in which the newest record about the subject says something of them."""
        newest = {topic: self.people.values(f"{topic}{suffix}", self.subject)[-1:] for topic in _DERIVED}
        return {topic for topic, found in newest.items() if found and found[0] is not None}

    def cells(self) -> list[bytes]:
        """What the state of process_interactions has of the subject."""
        newest = {each.key() or b"": each.value() for each in read_topic(self.people.stack.brokers, _CHANGELOG)}
        return [key for key, value in newest.items() if self.subject.encode() in key and value is not None]

    def _recommended(self) -> dict[str, Any]:
        answer = self.people.recommended(self.user)
        is_known = answer["kind"] == "personal" and answer["items"] and "record" not in answer["degraded"]
        return answer if is_known else {}


def test_of_an_erased_canary_nothing_is_left_and_nothing_comes_back(pipeline: Stack) -> None:
    people, control = People(pipeline), f"control-{uuid4().hex}"
    canary = Canary(people)
    began = time.time() - 60
    canary.act(control)
    path = f"{people.url}/v1/users/{canary.user}/data"
    shown = httpx.get(path, timeout=20).raise_for_status().json()["items"]
    assert canary.values.items() <= {k: v for row in shown for k, v in (row.get("personal") or {}).items()}.items()
    assert len(canary.cells()) > 1

    erased = httpx.delete(path, timeout=20)
    assert erased.status_code == 202 and erased.json()["key_destroyed"], erased.text
    assert httpx.get(path, timeout=20).status_code == 404
    wait_until(lambda: people.values("interactions.features", canary.subject)[-1] is None, "features to go", 60)
    wait_until(lambda: people.rows(canary.subject) == 0, "the tables to be rid of them", 60, every=0.5)
    wait_until(lambda: _ends_with_forgetting(people, canary.subject), "the models to be told", 60)
    wait_until(people.has_learned_all, "the online model to forget", 60, every=0.5)

    def is_cold() -> bool:
        answer = people.recommended(canary.user)
        return answer["kind"] == "cold" and canary.subject_of(answer) != canary.subject

    wait_until(is_cold, "the API to know nobody of that name", 30)

    pipeline.kill("process_interactions")
    # An edge that was away sends what it had of the subject, into a process that knows nothing but its state.
    _send_late(pipeline, canary.subject, people.item)
    pipeline.up("process_interactions")
    wait_until(lambda: not any(unread(pipeline.brokers).values()), "every consumer at the end", 60, every=0.5)
    assert people.values("interactions.features", canary.subject)[-1] is None
    assert people.rows(canary.subject) == 0
    assert len(canary.cells()) == 1, "its state knows no more than that they are erased"

    _headrace(pipeline, "interactions.raw", "--from", f"{began:.3f}", "--into", _REPLAY)
    assert count(pipeline.brokers, f"interactions.features.{_REPLAY}") > 1
    assert canary.derived(f".{_REPLAY}") == set()
    _headrace(pipeline, "drop", _REPLAY, "--yes")

    gone = {form for text in (canary.user, canary.visit, *canary.values.values()) for form in forms(text)}
    assert records_with(pipeline.brokers, gone) == []
    with cassandra_session(pipeline.host, pipeline.ports.cassandra) as session:
        assert rows_with(session, "headrace", gone) == []
    assert files_with(pipeline.layout.root, gone) == []
    # The search finds what is there.
    assert files_with(pipeline.layout.root, forms(control))


def _ends_with_forgetting(people: People, subject: str) -> bool:
    lessons = people.values("interactions.lessons", subject)
    return bool(json.loads(lessons[-1] or b"")["kind"] == "forget")


def _send_late(stack: Stack, subject: str, item: str) -> None:
    now = SystemClock().now_us()
    late = Interaction(uuid4().hex, "default", subject, "view", now, now, item)
    producer = Producer(stack.brokers, "test")
    producer.produce(RAW, encode(late), subject.encode(), headers_of(late))
    producer.flush(30)


def _headrace(stack: Stack, *arguments: str) -> None:
    """`headrace replay ...` with the settings of process_interactions."""
    command = [sys.executable, "-m", "headrace", "replay", *arguments, "--brokers", stack.brokers]
    variables = stack.variables("process_interactions")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
