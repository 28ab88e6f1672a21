"""Events and items in over HTTP, into a real Kafka; and requests that are too much, of which others notice nothing."""

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.interactions.records import ITEMS, Item
from headrace.records import decode, headers_of
from headrace.testing import wait_until
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.events_client import EventsClient, InKafka, view

pytestmark = pytest.mark.integration

DAY_S = 86_400


@pytest.fixture
def client(api: Api) -> EventsClient:
    return EventsClient(api.url)


@pytest.fixture
def in_kafka(stack: Stack) -> Iterator[InKafka]:
    found = InKafka(stack.brokers)
    yield found
    found.stop()


def faults(answer: httpx.Response, status: int = 422) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {each["name"]: f"{each['problem']}; {each['mend']}" for each in answer.json()["errors"]}


def test_what_a_person_does_is_of_one_subject_and_tells_nobody_who(client: EventsClient, in_kafka: InKafka) -> None:
    user, email, session = f"canary-{uuid4().hex}", f"{uuid4().hex}@example.com", f"canary-{uuid4().hex}"
    first = view(user=user, session=session, context={"page": "home", "email": email})
    second = view(user=user, kind="purchase", value=9.5, quantity=2, personal={"note": session})
    assert client.send(first).json() == {"accepted": 1, "repeated": 0, "refused": []}
    assert client.send({"events": [second]}).status_code == 202
    bought, viewed = in_kafka.by_id(second), in_kafka.by_id(first)
    assert (viewed.site, viewed.subject, viewed.context) == ("default", bought.subject, {"page": "home"})
    assert (bought.kind, bought.value, bought.quantity) == ("purchase", 9.5, 2)
    assert viewed.personal is not None
    assert len(viewed.subject) == 22
    for canary in (user, email, session):
        assert canary.encode() not in in_kafka.text()


def test_an_anonymous_session_is_a_person_too(client: EventsClient, in_kafka: InKafka) -> None:
    session = uuid4().hex
    events = [view(user=None, session=session), view(user=None, session=session), view(user=session)]
    assert client.send({"events": events}).json()["accepted"] == 3
    anonymous, again, user = (in_kafka.by_id(each).subject for each in events)
    assert anonymous == again != user


def test_a_thousand_events_of_hundreds_of_people_and_the_wrong_ones_by_their_places(
    client: EventsClient, in_kafka: InKafka
) -> None:
    group = uuid4().hex
    events = [view(user=f"{group}-{number % 300}", context={"group": group}) for number in range(1_000)]
    events[17]["kind"] = "look"
    events[999].pop("item")
    answer = client.send({"events": events})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["accepted"], [each["index"] for each in answer.json()["refused"]]) == (998, [17, 999])
    found = in_kafka.interactions(lambda record: record.context.get("group") == group, 998)
    assert {each.id for each in found} == {each["id"] for each in events} - {events[17]["id"], events[999]["id"]}
    assert len({each.subject for each in found}) == 300


def test_events_come_one_a_line_too(client: EventsClient, in_kafka: InKafka) -> None:
    events = [view(), view()]
    answer = client.send_bytes("\n".join(map(json.dumps, events)).encode(), "application/x-ndjson")
    assert answer.json() == {"accepted": 2, "repeated": 0, "refused": []}
    assert {in_kafka.by_id(each).item for each in events} == {"cup"}


def test_of_an_id_that_is_there_twice_one_counts(client: EventsClient, in_kafka: InKafka) -> None:
    event = view()
    answer = client.send({"events": [event, event, {**event, "item": "saucer"}]}).json()
    assert (answer["accepted"], answer["repeated"]) == (1, 1)
    assert [each["errors"][0]["name"] for each in answer["refused"]] == ["id"]
    assert in_kafka.by_id(event).item == "cup"


NOW_S = int(time.time())
ABUSE: list[tuple[bytes, int, str]] = [
    (json.dumps({"events": [{"kind": "view"}] * 10_000}).encode(), 422, "there are over 1,000"),
    (b'{"events": [' + b"1," * 500_000 + b"1]}", 422, "there are over 1,000"),
    (b'{"a": "' + b"x" * 10_000_000 + b'"}', 413, "1048576 bytes at most"),
    (b'{"a": "' + b"x" * 1_000_000 + b'"}', 422, "65,536 bytes"),
    (b'{"events": ' + b"[" * 1_000_000, 422, "too deep"),
    (b'{"context": ' + b'{"a":' * 200_000, 422, "too deep"),
    (json.dumps(view(time=NOW_S + 3_600)).encode(), 422, "after now"),
    (json.dumps(view(time=NOW_S - 31 * DAY_S)).encode(), 422, "days ago"),
    (json.dumps(view(kind="look")).encode(), 422, "send one of view"),
    (json.dumps(view(context={f"k{n}": "x" for n in range(1_000)})).encode(), 422, "at most 32"),
    (json.dumps(view(context={"k": "x" * 5_000})).encode(), 422, "5000 characters"),
    (json.dumps(view(kind="rating", value=float("nan"))).encode(), 422, "malformed"),
    (json.dumps(view(kind="rating", value=1e300)).encode(), 422, "from 0 to 10"),
    (b'{"value": ' + b"9" * 5_000 + b"}", 422, "out of range"),
    (b"[]", 422, "object"),
    (b"\xff\xfe", 422, "JSON"),
    (b"", 422, "JSON"),
]


@pytest.mark.parametrize(("body", "status", "tells"), ABUSE, ids=range(len(ABUSE)))
def test_a_request_that_is_too_much_is_refused_with_the_reason(
    client: EventsClient, body: bytes, status: int, tells: str
) -> None:
    answer = client.send_bytes(body)
    assert answer.status_code == status, answer.text[:500]
    assert tells in answer.json()["detail"]
    assert len(answer.content) < 20_000


def test_a_form_of_a_foreign_page_is_refused(client: EventsClient) -> None:
    """A page of any site may send these types to loopback without asking first."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert client.send_bytes(json.dumps(view()).encode(), kind).status_code == 415
        assert client.send_bytes(b'{"item": "cup"}', kind, "/v1/items").status_code == 415


def test_a_body_that_never_ends_is_given_up(client: EventsClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    try:
        answer = client.request("POST", "/v1/events", {"content-type": "application/json"}, content=endless())
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # It closed the connection before all was written.


def test_others_notice_nothing_of_abuse(client: EventsClient, tmp_path: Path) -> None:
    """Generous, since a machine of tests has more to do: it would be hundreds of ms if each were read to its end."""
    for number, (body, _, _) in enumerate(ABUSE[:6]):
        (tmp_path / str(number)).write_bytes(body)

    def usual_s() -> float:
        with httpx.Client(base_url=client.url, timeout=20) as sender:
            return statistics.median(_took_s(sender) for _ in range(100))

    before = usual_s()
    # A process of its own, as what it does would hold up the measuring.
    abuser = subprocess.Popen([sys.executable, "-c", _ABUSER, client.url, str(tmp_path)], stdout=subprocess.PIPE)
    told = abuser.stdout
    assert told is not None
    try:
        assert set(json.loads(told.readline())) == {413, 422}
        under_abuse = usual_s()
        assert abuser.poll() is None
    finally:
        abuser.kill()
        abuser.wait()
        told.close()
    assert under_abuse < max(0.05, 4 * before), f"median {under_abuse:.3f} s beside {before:.3f} s"


_ABUSER = """
import json, pathlib, sys, httpx
bodies = [path.read_bytes() for path in pathlib.Path(sys.argv[2]).iterdir()]
with httpx.Client(base_url=sys.argv[1], timeout=20, headers={"content-type": "application/json"}) as sender:
    while True:
        print(json.dumps([sender.post("/v1/events", content=body).status_code for body in bodies]), flush=True)
"""


def _took_s(sender: httpx.Client) -> float:
    begin = time.perf_counter()
    assert sender.post("/v1/events", json=view(user="one")).status_code == 202
    return time.perf_counter() - begin


def test_items_are_put_replaced_and_removed(client: EventsClient, in_kafka: InKafka) -> None:
    item = f"tests/{uuid4().hex}"
    key = f"default/{item}".encode()
    body: dict[str, Any] = {"title": "Cup", "tags": ["white"], "price": 9.5, "attributes": {"size": "L"}}
    assert client.request("PUT", f"/v1/items/{item}", json=body).json() == {"item": item}
    assert client.request("POST", "/v1/items", json={"items": [{"item": item, "available": False}]}).status_code == 202
    assert client.request("DELETE", f"/v1/items/{item}").status_code == 202
    wait_until(lambda: len(in_kafka.values_of(ITEMS, key)) == 3, "three records of the item")
    put, replaced, removed = in_kafka.values_of(ITEMS, key)
    first, second = (decode(value, headers_of(Item("", "", 0))) for value in (put, replaced))
    assert isinstance(first, Item)
    assert (first.title, first.tags, first.price, first.attributes) == ("Cup", ("white",), 9.5, {"size": "L"})
    assert isinstance(second, Item)
    assert (second.title, second.available) == ("", False)
    assert removed is None


def test_many_items_and_the_wrong_ones_by_their_places(client: EventsClient) -> None:
    items: list[dict[str, Any]] = [{"item": f"{uuid4().hex}"} for _ in range(1_000)]
    items[3]["price"] = -1
    answer = client.request("POST", "/v1/items", json={"items": items})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["accepted"], answer.json()["refused"][0]["index"]) == (999, 3)
    assert "over 1,000" in faults(client.request("POST", "/v1/items", json={"items": [{}] * 10_000}))["items"]
    assert "price" in faults(client.request("PUT", "/v1/items/cup", json={"price": "free"}))
    assert "item" in faults(client.request("PUT", "/v1/items/cup", json={"item": "saucer"}))
    assert "item" in faults(client.request("DELETE", f"/v1/items/{'x' * 257}"))
    large = {"title": "x" * 10_000_000}
    assert client.request("PUT", "/v1/items/cup", json=large).status_code == 413


def test_with_kafka_away_an_event_is_unconfirmed_and_counts_once_when_sent_again(
    client: EventsClient, stack: Stack, in_kafka: InKafka
) -> None:
    event = view()
    assert client.send(view(user=event["user"])).status_code == 202
    stack.kill("kafka", signal.SIGSTOP)
    try:
        answer = client.send(event)
        item = client.request("PUT", "/v1/items/cup", json={})
    finally:
        stack.kill("kafka", signal.SIGCONT)
    for each in (answer, item):
        assert each.status_code == 503, each.text
        assert each.json()["type"].endswith("unconfirmed")
        assert int(each.headers["retry-after"]) > 0
        assert "may count or not" in each.json()["detail"]
    wait_until(lambda: client.send(event).status_code == 202, "the event to be confirmed")
    # Kafka may have it twice; who counts knows it by (subject, id).
    found = in_kafka.interactions(lambda record: record.id == event["id"])
    assert len({(each.subject, each.id) for each in found}) == 1
