"""The Python client: what it sends, what it sends again, and what it tells its app."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from headrace_client import Headrace, HeadraceError, NotSent
from headrace_client.outbox import Outbox
from tests.unit.clients.fake_api import TAKEN, FakeApi, fake_api, problem


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


def test_events_go_in_one_batch_with_ids_times_and_their_person(api: FakeApi) -> None:
    with Headrace(api.url, key="secret", user="42") as client:
        ids = [client.view("cup"), client.purchase("cup", 9.5, quantity=2), client.view("pot", session="other")]
    (events,) = api.events()
    assert [event["id"] for event in events] == ids and len(set(ids)) == 3
    assert [(event["kind"], event.get("user"), event.get("session")) for event in events] == [
        ("view", "42", None),
        ("purchase", "42", None),
        ("view", None, "other"),
    ]
    assert events[1]["value"] == 9.5 and events[1]["quantity"] == 2 and "value" not in events[0]
    assert all(event["time"].endswith("+00:00") for event in events)
    assert api.requests[0][2]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("trouble", [(0, None, {}), problem(503, "unconfirmed"), problem(429, "rate-limited")])
def test_the_same_events_are_sent_again_until_they_are_taken(
    api: FakeApi, trouble: tuple[int, object, dict[str, str]]
) -> None:
    api.answers = [trouble]
    with Headrace(api.url, user="42") as client:
        client.view("cup")
    first, second = api.events()
    assert first == second


def test_retry_after_is_waited_for(api: FakeApi) -> None:
    api.answers = [problem(429, "rate-limited", Retry_After="1")]
    with Headrace(api.url, user="42") as client:
        client.view("cup")
    assert api.times[1] - api.times[0] >= 1


def test_what_is_refused_is_told_and_not_sent_again(api: FakeApi) -> None:
    told: list[HeadraceError] = []
    refused = {"accepted": 1, "repeated": 0, "refused": [{"index": 1, "errors": [{"name": "item"}]}]}
    api.answers = [(202, refused, {}), problem(422, "invalid-request")]
    with Headrace(api.url, user="42", on_error=told.append) as client:
        client.view("cup")
        client.flush()
        client.view("")
        client.flush()
    assert len(api.events()) == 2
    assert [error.status for error in told] == [202, 422]
    assert told[0].errors == refused["refused"] and told[1].kind == "invalid-request"


def test_a_key_that_does_not_count_is_told_and_nothing_is_lost(api: FakeApi) -> None:
    told: list[HeadraceError] = []
    api.answers = [problem(401, "unknown-key")]
    with Headrace(api.url, user="42", on_error=told.append) as client:
        client.view("cup")
    assert [error.kind for error in told] == ["unknown-key"]
    assert len(api.events()) == 2


@pytest.mark.parametrize("value", [Decimal("9.5"), float("nan"), datetime.now(UTC), "\ud83d"])
def test_what_json_has_not_is_refused_where_it_is_sent_and_nothing_else_is_lost(api: FakeApi, value: object) -> None:
    with Headrace(api.url, user="42") as client:
        with pytest.raises((TypeError, ValueError)):
            client.purchase("cup", value)  # type: ignore[arg-type]  # what is tried
        client.view("cup")
    assert [[event["kind"] for event in events] for events in api.events()] == [["view"]]


def test_whatever_the_app_raises_the_events_are_sent_again(api: FakeApi) -> None:
    api.answers = [(200, ["not the API's"], {}), problem(422, "invalid-request")]
    tokens = iter([RuntimeError("no backend")])

    def token() -> str:
        for error in tokens:
            raise error
        return "jwt"

    def on_error(error: HeadraceError) -> None:
        raise RuntimeError("broken")

    with Headrace(api.url, user="42", token=token, on_error=on_error) as client:
        client.view("cup")
        client.flush()
        client.view("pot")
        client.flush()
    assert [[event["item"] for event in events] for events in api.events()] == [["cup"], ["cup"], ["pot"]]


def test_what_the_api_refuses_as_a_whole_takes_no_event_along_that_is_right(api: FakeApi) -> None:
    told: list[HeadraceError] = []
    api.answers = [problem(413, "too-large"), problem(413, "too-large"), TAKEN, problem(413, "too-large")]
    with Headrace(api.url, user="42", on_error=told.append) as client:
        for item in ("a", "b", "c", "d"):
            client.view(item)
    sent = ["".join(event["item"] for event in events) for events in api.events()]
    assert sent == ["abcd", "ab", "a", "bc", "b", "cd"] and not told


def test_events_of_which_each_is_wrong_are_told_once(api: FakeApi) -> None:
    told: list[HeadraceError] = []
    status, document, headers = problem(422, "invalid-request")
    api.answers = [(status, {**document, "errors": [{"name": "events.0.item"}]}, headers)]
    with Headrace(api.url, user="42", on_error=told.append) as client:
        client.view("")
        client.view("")
    assert [len(events) for events in api.events()] == [2] and len(told) == 1


def test_a_request_has_no_more_bytes_than_the_api_takes(api: FakeApi) -> None:
    with Headrace(api.url, user="42") as client:
        for _ in range(40):
            client.view("cup", context={"note": "x" * 50_000})
    assert [len(events) for events in api.events()] == [17, 17, 6]


def test_flush_waits_for_no_events_that_come_meanwhile() -> None:
    def post(events: list[bytes]) -> dict[str, object]:
        # There is always one more.
        outbox.add(b"{}", 1)
        return {"refused": []}

    outbox = Outbox(post, lambda error: None, batch=1, most=10)
    outbox.add(b"{}", 1)
    try:
        outbox.flush(0.5)
    finally:
        outbox.close()


def test_flush_says_what_still_waits() -> None:
    # Nobody listens at this port.
    client = Headrace("http://127.0.0.1:9", user="42")
    client.view("cup")
    with pytest.raises(NotSent, match="1 events still wait") as raised:
        client.flush(0.3)
    assert isinstance(raised.value.__cause__, httpx.TransportError)
    with pytest.raises(NotSent):
        client.close(0)
    with pytest.raises(NotSent, match="closed"):
        client.view("cup")


def test_events_of_many_threads_all_arrive_in_batches(api: FakeApi) -> None:
    with Headrace(api.url, user="42", batch=50) as client:
        threads = [threading.Thread(target=lambda: [client.view("cup") for _ in range(60)]) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({event["id"] for events in api.events() for event in events}) == 300
    assert max(len(events) for events in api.events()) <= 50


def test_a_question_is_tried_again_and_a_refusal_is_an_error(api: FakeApi) -> None:
    api.answers = [problem(503, "unavailable"), (200, {"items": []}, {}), problem(404, "unknown-item")]
    with Headrace(api.url, user="a/b", token=lambda: "jwt") as client:
        assert client.recommendations(count=3, category="cups & pots")["items"] == []
        with pytest.raises(HeadraceError, match="unknown-item") as raised:
            client.similar("a/b")
    assert raised.value.status == 404
    asked = [path for _, path, _, _ in api.requests]
    assert asked[0] == "/v1/recommendations?user=a%2Fb&surface=home&count=3&category=cups+%26+pots"
    assert asked[2] == "/v1/items/a%2Fb/similar?count=10"
    assert api.requests[0][2]["x-user-token"] == "jwt"


def test_live_recommendations_are_the_events_of_that_name(api: FakeApi) -> None:
    api.stream = (
        b'retry: 3000\n: following\n\nevent: recommendations\ndata: {"id":"a"}\n\n: heartbeat\n\n'
        b'event: recommendations\ndata: {"id":"b"}\n\nevent: end\ndata: {}\n\n'
    )
    with Headrace(api.url, session="s") as client:
        assert [answer["id"] for answer in client.live()] == ["a", "b"]


def test_the_address_may_be_in_the_environment(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_URL", raising=False)
    with pytest.raises(ValueError, match="HEADRACE_URL"):
        Headrace()
    monkeypatch.setenv("HEADRACE_URL", api.url)
    with Headrace(user="42") as client:
        client.forget()
    assert api.requests[0][:2] == ("DELETE", "/v1/users/42/data")
