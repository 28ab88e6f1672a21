"""A canary: it is shown what it did through the real API, and after its erasure that is nowhere, nor after a replay."""

import base64
from collections.abc import Iterator
from random import sample
from string import ascii_uppercase
from uuid import uuid4

import httpx
import pytest
from cassandra.cluster import Session
from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import Stack
from headrace.cassandra import CassandraSettings
from headrace.interactions.records import ERASED, MADE, RAW
from headrace.subjects.erased import ErasedSubjects, read_erased
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.subject_store import SubjectStore
from headrace.subjects.subject_table import SubjectTable
from headrace.testing import wait_until
from headrace.topics import load_topics
from tests.integration.serve_api.api_process import subject_keys
from tests.integration.serve_api.client import Api
from tests.integration.sink_cassandra.sink_process import rows_in, session_of
from tests.integration.subjects.traces import files_with, forms, forms_in_base64, records_with, rows_with

pytestmark = pytest.mark.integration
SITE, KEYSPACE = "default", "headrace"


@pytest.fixture
def session(stack: Stack) -> Iterator[Session]:
    with session_of(stack) as session:
        yield session


@pytest.fixture
def store(stack: Stack) -> Iterator[SubjectStore]:
    """Of a process of its own, which knows nothing of erasures."""
    settings = CassandraSettings(brokers=stack.brokers, cassandra_port=stack.ports.cassandra)
    store = SubjectStore(SubjectTable(settings), SubjectKeys(subject_keys(stack)), ErasedSubjects(stack.brokers))
    yield store
    store.close()


def send(api: Api, **event: object) -> None:
    """As a client does: again with the same id while the API says 503, as it does until it has read its topics."""
    body = {"type": "view", "id": uuid4().hex, **event}

    def is_taken() -> bool:
        answer = httpx.post(f"{api.url}/v1/events", json=body, timeout=20)
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code == 202

    wait_until(is_taken, "the event to be taken")


def stored(session: Session, subject: str) -> list[object]:
    return [row for row in rows_in(session, KEYSPACE, "subject_records", SITE) if row.subject == subject]


def shown(api: Api, path: str, **parameters: object) -> list[dict[str, object]]:
    return [row for page in api.pages(path, **parameters) for row in page]


def test_a_person_is_shown_all_that_is_held_with_what_is_personal_in_clear(api: Api) -> None:
    user = f"anna/{uuid4().hex}"
    for number in range(7):
        send(
            api, user=user, item=f"film{number}", session="visit", context={"email": "anna@example.org", "page": number}
        )
    made = httpx.get(f"{api.url}/v1/recommendations", params={"user": user}, timeout=20)
    assert made.status_code == 200, made.text
    path = f"/v1/users/{user}/data"
    wait_until(lambda: api.get(path).status_code == 200 and len(shown(api, path)) == 8, "the sink", 30)
    rows = shown(api, path, limit=3)
    assert len(rows) == 8
    events = [row for row in rows if row["record"] == "interaction"]
    assert sorted(str(row["item"]) for row in events) == [f"film{number}" for number in range(7)]
    assert all(row["personal"] == {"email": "anna@example.org"} for row in events)
    assert [row["id"] for row in rows if row["record"] == "recommendation"] == [made.json()["id"]]
    page = api.page(path)
    assert page["user"] == user
    assert set(page) == {"user", "subject", "features", "arms", "items", "next"}


def test_of_a_stranger_nothing_is_held_and_nothing_is_made(api: Api, store: SubjectStore) -> None:
    user = uuid4().hex
    assert api.get(f"/v1/users/{user}/data").status_code == 404
    answer = httpx.delete(f"{api.url}/v1/users/{user}/data", timeout=20)
    assert answer.json()["erased"] is False
    assert store.find_settled(SITE, user) is None


def test_consent_is_an_interaction_of_the_person(api: Api) -> None:
    session = uuid4().hex
    path = f"/v1/sessions/{session}"
    assert api.put(f"{path}/consent", {"personalisation": "no"}).status_code == 422
    for wanted in (False, True):
        answer = api.put(f"{path}/consent", {"personalisation": wanted})
        assert answer.status_code == 202, answer.text
    wait_until(lambda: len(shown(api, f"{path}/data")) == 2, "the sink", 30)
    rows = shown(api, f"{path}/data")
    assert [(row["kind"], row["consent"]) for row in rows] == [("consent", False), ("consent", True)]


@pytest.mark.timeout(300)
def test_an_erased_canary_is_nowhere_on_disk_and_a_replay_brings_nothing_back(
    stack: Stack, api: Api, store: SubjectStore, session: Session
) -> None:
    # Compressed files hold no whole copy of what repeats itself, or has four letters of a field's name ("ived").
    user, control = f"canary-{uuid4().hex}@example.org", "".join(sample(ascii_uppercase, 24))
    values = {
        "email": f"{uuid4().hex}@example.org",
        "phone": f"+49-{uuid4().int % 10**15}",
        "name": f"Ada {uuid4().hex}",
    }
    visit = f"visit-{uuid4().hex}"
    for number in range(20):
        send(api, user=user, session=visit, item=control, context={**values, "page": number})
    httpx.get(f"{api.url}/v1/recommendations", params={"user": user}, timeout=20)
    subject = store.find_settled(SITE, user)
    assert subject is not None
    (sealed,) = [row for key in [store._key(SITE, user)] if (row := store._table.read([key])[0])]
    wait_until(lambda: len(stored(session, subject.id)) >= 20, "the sink", 30)
    # As if it had been there for long: in the tables' files, and in those of the transactions that made it.
    store.end_commit_log()
    written = files_with(stack.layout.root, [sealed[1]])
    assert written

    answer = httpx.delete(f"{api.url}/v1/users/{user}/data", timeout=20)
    assert answer.status_code == 202, answer.text
    assert answer.json()["erased"]
    assert answer.json()["key_destroyed"]
    assert store.find_settled(SITE, user) is None
    assert subject.id in read_erased(stack.brokers)
    wait_until(lambda: not stored(session, subject.id), "the sink to erase", 30)
    assert api.get(f"/v1/users/{user}/data").status_code == 404

    keys = {sealed[1], subject.key, subject.key.hex().encode(), *forms_in_base64(subject.key)}
    store.end_commit_log()
    wait_until(lambda: not files_with(stack.layout.root, keys), f"the key to leave {written}", 60, 1.0)

    gone = {form for text in (user, visit, *values.values()) for form in forms(text)}
    assert files_with(stack.layout.root, gone) == []
    assert records_with(stack.brokers, gone) == []
    assert rows_with(session, KEYSPACE, gone) == []
    # The search finds what is there.
    assert files_with(stack.layout.root, forms(control))
    assert len(records_with(stack.brokers, forms(control))) == 20

    _replay(stack)
    assert not stored(session, subject.id)
    send(api, user=user, item="back")
    back = store.find_settled(SITE, user)
    assert back is not None
    assert back.id != subject.id
    wait_until(lambda: len(stored(session, back.id)) == 1, "the sink", 30)


def _replay(stack: Stack) -> None:
    """Has the sink read all records about persons once more."""
    stack.stop("sink_cassandra")
    topics = load_topics()
    parts = [
        TopicPartition(name, number, 0) for name in (RAW, MADE, ERASED) for number in range(topics[name].partitions)
    ]
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": "sink_cassandra"})
    try:
        ends = {(p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=10)[1] for p in parts}
        consumer.commit(offsets=parts, asynchronous=False)
        stack.start("sink_cassandra")
        stack.wait_ready("sink_cassandra")

        def is_done() -> bool:
            found = consumer.committed([TopicPartition(p.topic, p.partition) for p in parts], timeout=10)
            return all(each.offset >= ends[each.topic, each.partition] for each in found)

        wait_until(is_done, "the replay", 60, 0.5)
    finally:
        consumer.close()


def test_the_search_knows_every_form() -> None:
    text = "canary-7@example.org"
    for before in range(4):
        hidden = base64.urlsafe_b64encode(b"x" * before + text.encode() + b"yz")
        assert any(form in hidden for form in forms(text))
    for form in (text.encode("utf-16-le")[:-1], text.encode().hex().encode()):
        assert form in forms(text)
