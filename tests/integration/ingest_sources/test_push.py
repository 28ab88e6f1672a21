"""What is pushed to the API becomes rows on real Kafka: each once, whoever is killed and however often it is sent."""

import json
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.kafka import Producer
from headrace.pushed import TOPIC, BodyType, Push
from headrace.testing import wait_until
from ingest_sources.pushed.push_feed import PushFeed
from ingest_sources.pushed.push_source import PushSource
from tests.integration.ingest_sources.feed_bench import FeedBench
from tests.integration.ingest_sources.push_api import PushApi
from tests.integration.serve_api.sender import Sender

pytestmark = pytest.mark.integration

RULES = [{"cast": {"columns": {"id": "text", "amount": "number"}}}, {"range": {"column": "amount", "min": 0}}]


@pytest.fixture(scope="module")
def api(kafka: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushApi]:
    with PushApi(kafka, tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.fixture
def bench(kafka: Stack, tmp_path: Path) -> FeedBench:
    bench = FeedBench(kafka.brokers, tmp_path)
    bench.configure({"kind": "push", "rules": RULES})
    return bench


@pytest.fixture
def sender(api: PushApi, bench: FeedBench) -> Sender:
    sender = Sender(api.url, api.keys, bench.name)
    sender.allow()
    return sender


def body_of(*ids: int) -> bytes:
    return json.dumps([{"id": number, "amount": number / 4} for number in ids]).encode()


def push(sender: Sender, body: bytes, push_id: str = "", content_type: str = "application/json") -> None:
    answer = sender.push(body, push_id, content_type)
    assert answer.status_code == 202, answer.text


def each_once(count: int) -> dict[str, int]:
    return {str(number): 1 for number in range(count)}


def write(brokers: str, *pushes: Push) -> None:
    """As serve_api does, and faster than over HTTP."""
    producer = Producer(brokers, "tests")
    for each in pushes:
        producer.produce(TOPIC, each.body, each.key, each.headers())
    producer.flush(30)


def pushes(source: str, first: int, count: int) -> list[Push]:
    """One row each."""
    numbers = range(first, first + count)
    return [Push(source, f"msg_{number}", 1, BodyType.JSON, "k", body_of(number)) for number in numbers]


def test_bodies_are_rows_and_what_is_bad_in_them_costs_itself_alone(
    bench: FeedBench, sender: Sender, api: PushApi
) -> None:
    other = Sender(api.url, api.keys)
    other.allow()
    push(sender, b'{"id": 0, "amount": 1}', "msg_0")
    push(other, body_of(99), "msg_0")
    push(sender, body_of(1, 2))
    push(sender, b'{"id": 3, "amount": 1}\n\n{"id": "4", "amount": "1.5"}\n', content_type="application/x-ndjson")
    push(sender, b"id;amount\n5;1\n6;2\n", content_type="text/csv")
    push(sender, b'[{"id": 7, "amount": -1}, 7, {"id": 7, "amount": 1}]', "msg_1")
    push(other, b"<what is for others is not looked at>", "msg_1")
    push(sender, b"<order/>", "msg_2")
    push(sender, b'[{"id": 99}, ', "msg_3")
    push(sender, body_of(8), "msg_4")
    bench.run()
    assert bench.keys() == each_once(9)
    place = f"sources/{bench.name}/push"
    assert {(letter.source.topic, letter.source.offset, letter.value) for letter in bench.letters()} == {
        (f"{place}/msg_1", 1, b'{"id":7,"amount":-1}'),
        (f"{place}/msg_1", 2, b"7"),
        (f"{place}/msg_2", 1, b"<order/>"),
        (f"{place}/msg_3", 0, b'[{"id": 99}, '),
    }


def test_same_id_counts_once_until_it_is_forgotten_and_another_body_under_it_is_told(
    bench: FeedBench, sender: Sender
) -> None:
    bench.configure({"kind": "push", "push": {"remember_pushes": 3}, "rules": RULES})
    for number in (0, 0, 1, 2, 0, 1, 3):
        push(sender, body_of(number), f"msg_{number}")
    push(sender, body_of(99), "msg_1")
    push(sender, body_of(0), "msg_0")
    bench.run()
    # What was started anew knows 3, 1 and 0, but 2 no more; the first body of 1 is none of those that it reads again.
    for number in (1, 0, 3, 4, 2):
        push(sender, body_of(number), f"msg_{number}")
    bench.run()
    assert bench.keys() == {**each_once(5), "2": 2}
    (letter,) = bench.letters()
    assert (letter.value, letter.reason) == (body_of(99), "invalid_record")
    assert "msg_1 came before with another body" in letter.detail


def test_pushes_for_others_move_it_on_too(bench: FeedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its place would fall out of what the topic keeps, while nothing comes for it."""
    monkeypatch.setattr("ingest_sources.pushed.push_feed._FOREIGN_S", 0.0)
    write(bench.brokers, *pushes(f"{bench.name}_other", 0, 5))
    source = PushSource.model_validate(
        {"kind": "push", "name": bench.name, "into": {"topic": bench.topic, "key": "{id}"}}
    )
    with closing(PushFeed(source, bench.brokers)) as feed:
        part = next(filter(None, feed.parts(None)))
        assert part.sections == () and sum(part.cursor["offsets"].values()) > 0
        write(bench.brokers, *pushes(bench.name, 0, 1))
        sample = feed.sample()
    assert sample is not None and [section.place for section in sample.sections] == ["push/msg_0"]


@pytest.mark.parametrize(("step", "count"), [("produced", 2), ("committing", 3), ("committed", 2), ("told", 1)])
def test_kill_loses_and_doubles_nothing(bench: FeedBench, step: str, count: int) -> None:
    """Each push is sent twice or thrice, also after what was killed had it."""
    first = pushes(bench.name, 0, 200)
    # Together these are more than what is delivered at once.
    large = [_large(bench.name, number) for number in range(200, 206)]
    write(bench.brokers, *first[:150], *first[:50], *first[100:], *large)
    bench.kill_at(step, count)
    write(bench.brokers, *first[150:], *pushes(bench.name, 206, 5), *first[:10], *large[3:])
    bench.run()
    assert bench.keys() == each_once(211)
    entry = bench.entry()
    assert entry is not None and (entry.delivered, entry.rejected) == (211, 0)
    assert len(json.dumps(entry.cursor)) < 400


def _large(source: str, number: int) -> Push:
    body = json.dumps({"id": number, "amount": 1, "text": "x" * 800_000}).encode()
    return Push(source, f"msg_{number}", 1, BodyType.JSON, "k", body)


def test_api_that_is_killed_amid_requests_loses_nothing_that_it_took(
    kafka: Stack, api: PushApi, sender: Sender, bench: FeedBench
) -> None:
    """Senders do as they should: what was not answered by 202 is sent again with the same id."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    crowd = _Crowd(sender, 6)
    crowd.wait_for(chance.randrange(20, 120))
    # What Kafka has not confirmed is in the API alone, which must not have answered for it when it is killed.
    kafka.kill("kafka", signal.SIGSTOP)
    is_taken = _is_taken(replace(sender, timeout_s=0.5), "held")
    api.kill()
    kafka.kill("kafka", signal.SIGCONT)
    api.start()
    crowd.taken += ["held"] if is_taken else crowd.send("held")
    crowd.wait_for(20)
    crowd.end()
    bench.run()
    assert crowd.sent_again > 0
    assert bench.keys() == dict.fromkeys(crowd.taken, 1)
    assert bench.letters() == []


class _Crowd:
    """Senders that push one row after another.

    Attributes:
        taken: the rows that were answered by 202.
        sent_again: requests that were not.
    """

    def __init__(self, sender: Sender, count: int) -> None:
        self.taken: list[str] = []
        self.sent_again = 0
        self._sender = sender
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        wanted = len(self.taken) + more
        wait_until(lambda: len(self.taken) >= wanted, f"{more} more to be taken", every=0.001)

    def send(self, name: str) -> list[str]:
        """Sends a row until it is taken, and returns it."""
        while not _is_taken(self._sender, name):
            self.sent_again += 1
            self._stop.wait(0.02)
        return [name]

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.taken += self.send(uuid4().hex)


def _is_taken(sender: Sender, name: str) -> bool:
    try:
        return sender.push(json.dumps({"id": name, "amount": 1}).encode(), name).status_code == 202
    except httpx.TransportError:
        return False
