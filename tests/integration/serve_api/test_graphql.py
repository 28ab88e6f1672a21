"""`/v1/graphql`: what the REST routes answer, and how what would hold others up is refused."""

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.shop import Shop, shop_of

pytestmark = pytest.mark.integration

_RECOMMENDATIONS = """
query For($session: String!, $category: String!) {
    recommendations(session: $session, category: $category, count: 2) {
        id surface kind degraded
        items { item title position reasons source }
        arms { experiment arm }
        versions { model version }
    }
}
"""


@pytest.fixture(scope="module")
def shop(api: Api, stack: Stack) -> Iterator[Shop]:
    with shop_of(api, stack.brokers) as shop:
        for name in ("cup", "pot", "jar"):
            shop.put(name, tags=(name,), price=2.5)
        shop.learn({"cup": 50.0, "pot": 40.0, "jar": 30.0}, {"cup": ["pot"]})
        yield shop


def _asked(api: Api, query: str, **variables: object) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return httpx.post(f"{api.url}/v1/graphql", json=body, timeout=TIMEOUT_S)


def _answered(api: Api, query: str, **variables: object) -> Any:
    answer = _asked(api, query, **variables)
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


def _errors(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    errors = answer.json()["errors"]
    return " ".join(f"{each['message']} {each.get('extensions', {}).get('code', '')}" for each in errors)


def test_recommendations_are_those_of_the_route_and_recorded(api: Api, shop: Shop) -> None:
    session = f"s-{secrets.token_hex(6)}"
    found = _answered(api, _RECOMMENDATIONS, session=session, category=shop.name)["recommendations"]
    by_route = shop.recommended(session=session, count=2)
    assert {row["item"] for row in found["items"]} <= {shop.item(name) for name in ("cup", "pot", "jar")}
    assert [row["position"] for row in found["items"]] == [0, 1]
    assert all(row["title"] and row["reasons"] for row in found["items"])
    assert {each["model"]: int(each["version"]) for each in found["versions"]} == by_route["versions"]
    assert {each["experiment"]: each["arm"] for each in found["arms"]} == by_route["arms"]
    assert [each.item for each in shop.made.of(found).items] == [row["item"] for row in found["items"]]


def test_an_item_and_what_goes_with_it_come_in_one_request(api: Api, shop: Shop) -> None:
    query = """
        query One($item: ID!) {
            item(item: $item) { title price tags available minAge }
            similar(item: $item, count: 1) { items { item } }
            none: item(item: "there-is-none") { title }
        }
    """
    found = _answered(api, query, item=shop.item("cup"))
    assert found["item"] == {"title": "A cup", "price": 2.5, "tags": ["cup"], "available": True, "minAge": None}
    assert found["similar"]["items"] == [{"item": shop.item("pot")}]
    assert found["none"] is None


def test_events_are_taken_and_wrong_ones_named(api: Api, shop: Shop) -> None:
    events = [
        {"kind": "view", "session": "s-1", "item": shop.item("cup"), "id": secrets.token_hex(8)},
        {"kind": "stare", "session": "s-1", "item": shop.item("cup")},
    ]
    query = """
        mutation Send($events: [JSON!]!) {
            sendEvents(events: $events) { accepted refused { index errors { name mend } } }
        }
    """
    taken = _answered(api, query, events=events)["sendEvents"]
    assert taken["accepted"] == 1
    assert [(one["index"], one["errors"][0]["name"]) for one in taken["refused"]] == [(1, "kind")]


def test_a_wrong_argument_is_named(api: Api) -> None:
    answer = _asked(api, "{ trending(count: 0) { id } }")
    assert "count" in _errors(answer) and "invalid-request" in _errors(answer)
    assert answer.json()["data"] is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param("{ trending " + "{ items " * 50 + "{ item }" + " }" * 51, "depth", id="depth 50"),
        pytest.param(
            "{ " + " ".join(f"a{at}: item(item: 1) {{ item }}" for at in range(30)) + " }", "aliases", id="30 aliases"
        ),
        pytest.param(
            "{ " + " ".join(f"a{at}: trending {{ id }}" for at in range(1_000)) + " }", "token", id="1,000 aliases"
        ),
        pytest.param(
            "{ a: trending(count: 100) { items { item title category price image position } } "
            "b: trending(count: 100) { items { item title category price } } "
            "c: trending(count: 100) { items { item title category price reasons source score } } "
            "d: trending(count: 100) { items { item title category price reasons source score } } }",
            "too-costly",
            id="cost",
        ),
        pytest.param(
            "{ trending { ...a } } fragment a on Recommendations { ...b } fragment b on Recommendations { ...a }",
            "fragment",
            id="fragments in a circle",
        ),
        pytest.param(
            "{ trending { ...f0 } } fragment f20 on Recommendations { id } "
            + " ".join(f"fragment f{at} on Recommendations {{ ...f{at + 1} ...f{at + 1} }}" for at in range(20)),
            "too-costly",
            id="fragments that double",
        ),
        pytest.param("{ trending { " + "id " * 250 + "} }", "too-costly", id="a field 250 times"),
        pytest.param("{ trending { ...none } }", "unknown-fragment", id="a fragment that is missing"),
        pytest.param("{" * 5_000, "syntax", id="only brackets"),
        pytest.param("subscription { trending { id } }", "subscription", id="subscription"),
    ],
)
def test_what_would_hold_others_up_is_refused_with_the_reason(api: Api, query: str, reason: str) -> None:
    assert reason in _errors(_asked(api, query)).lower()
    assert _answered(api, "{ trending(count: 1) { id } }")["trending"]["id"]


def test_a_body_that_is_none_is_refused(api: Api) -> None:
    for content in (b"[", b"{}", b'{"query": 1}', b"[" * 60_000, b'{"query": "' + b"x" * 70_000 + b'"}'):
        answer = httpx.post(
            f"{api.url}/v1/graphql", content=content, headers={"Content-Type": "application/json"}, timeout=TIMEOUT_S
        )
        assert answer.status_code in (413, 422), answer.text
    assert httpx.post(f"{api.url}/v1/graphql", data={"query": "{ id }"}, timeout=TIMEOUT_S).status_code == 415


def test_no_operation_or_none_of_the_name_is_refused(api: Api) -> None:
    for body in ({"query": ""}, {"query": "query a { trending { id } }", "operationName": "b"}):
        answer = httpx.post(f"{api.url}/v1/graphql", json=body, timeout=TIMEOUT_S)
        assert answer.status_code == 422, answer.text


def test_the_schema_is_answered(api: Api) -> None:
    schema = api.get("/v1/graphql").text
    assert "type Query" in schema and "recommendations(" in schema


def test_what_was_sent_changes_nothing_for_the_next(api: Api, shop: Shop) -> None:
    _asked(api, "{ nothing }")
    wait_until(lambda: _answered(api, "{ trending(count: 1) { items { item } } }"), "an answer")
