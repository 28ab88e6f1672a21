"""An API that asks for keys: who may do what, for whom, how often and from which pages."""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.api_clients import SECRET, entry, new_key, token, write_clients, write_secret
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.events_client import EventsClient, view
from tests.integration.serve_api.keyed_api import keyed_api
from tests.integration.serve_api.tables import Tables, anomaly

pytestmark = pytest.mark.integration

ORIGIN = "https://shop.example"


@dataclass
class Door:
    """The API, and a client of each sort."""

    url: str
    server: EventsClient
    page: EventsClient
    slow: EventsClient
    reader: EventsClient
    operator: EventsClient
    stranger: EventsClient


@pytest.fixture(scope="module")
def door(api: Api, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder: Path = tmp_path_factory.mktemp("clients")
    keys = {name: new_key() for name in ("server", "page", "slow", "reader", "operator", "stranger")}
    secret = write_secret(folder, SECRET)
    page = {"origins": [ORIGIN], "user_tokens": secret, "scopes": ["events", "recommend"]}
    path = write_clients(
        folder,
        entry("server", keys["server"], scopes=["events", "items"], rate=10_000),
        entry("page", keys["page"], "browser", rate=10_000, **page),
        entry("slow", keys["slow"], rate=1, burst=3),
        entry("reader", keys["reader"], scopes=["read"], rate=10_000),
        entry("operator", keys["operator"], scopes=["write"]),
        entry("stranger", keys["stranger"], scopes=["read", "write"], site="elsewhere"),
    )
    with keyed_api(stack, path) as url:
        yield Door(url, *(EventsClient(url, {"X-Api-Key": key}) for key in keys.values()))


def assert_refused(answer: httpx.Response, status: int, kind: str, tells: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(kind)
    assert tells in answer.json()["detail"]


def test_without_a_key_nothing_is_answered_but_what_the_operator_needs(door: Door) -> None:
    nobody = EventsClient(door.url)
    assert_refused(nobody.send(view()), 401, "no-key", "X-Api-Key")
    assert_refused(nobody.send(view(), authorization=f"Bearer {new_key()}"), 401, "unknown-key", "no client")
    assert nobody.send(view()).headers["www-authenticate"] == "Bearer"
    assert_refused(nobody.request("GET", "/v1/devices"), 401, "no-key", "Bearer")
    assert_refused(nobody.request("GET", "/v1/live/readings"), 401, "no-key", "Bearer")
    # What is pushed is signed: it gets as far as its source.
    assert nobody.request("POST", "/v1/ingest/none", content=b"{}").status_code == 404
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert nobody.request("GET", path).status_code == 200


def test_a_key_does_what_its_scopes_say(door: Door) -> None:
    assert door.server.send(view()).status_code == 202
    assert_refused(door.reader.send(view()), 403, "forbidden", "scope events")
    assert door.reader.request("GET", "/v1/devices").status_code == 200
    assert_refused(door.server.request("GET", "/v1/devices"), 403, "forbidden", "scope read")
    assert_refused(door.page.request("PUT", "/v1/items/cup", json={}), 403, "forbidden", "scope items")
    assert_refused(door.page.request("DELETE", "/v1/items/cup"), 403, "forbidden", "scope items")


def test_feedback_is_of_who_may_write_on_what_their_site_has(door: Door, tables: Tables, device: str) -> None:
    identity = secrets.token_hex(16)
    tables.write(anomaly(device, 1_769_860_800_000_000, identity))
    path, body = f"/v1/anomalies/{identity}/feedback", {"verdict": "false"}
    assert_refused(door.reader.request("POST", path, json=body), 403, "forbidden", "scope write")
    assert_refused(door.stranger.request("POST", path, json=body), 404, "not-found", identity)
    answer = door.operator.request("POST", path, json=body)
    assert (answer.status_code, answer.json()["verdict_by"]) == (202, "operator")


def test_a_page_acts_for_its_own_user_alone(door: Door) -> None:
    mine, other = view(user="42"), view(user="43")
    proof = token("42", time.time())
    assert_refused(door.page.send(other), 403, "another-user", "x-user-token")
    assert_refused(door.page.send(other, x_user_token=proof), 403, "another-user", "another user's")
    assert door.page.send(mine, x_user_token=proof).status_code == 202
    answer = door.page.send({"events": [mine, other], "user_token": proof})
    assert [each["index"] for each in answer.json()["refused"]] == [1]
    expired = token("42", time.time() - 7_200)
    assert_refused(door.page.send(mine, x_user_token=expired), 401, "user-not-proven", "expired")
    assert door.page.send(view(user=None, session="s-1")).status_code == 202
    assert door.server.send(other).status_code == 202


def test_a_client_that_asks_too_often_waits_and_others_do_not(door: Door) -> None:
    answers = [door.slow.send(view(user="slow")) for _ in range(10)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) >= 5
    assert_refused(limited[0], 429, "rate-limited", "more often than it may")
    assert int(limited[0].headers["retry-after"]) >= 1
    assert door.server.send(view()).status_code == 202
    wait_until(lambda: door.slow.send(view(user="slow")).status_code == 202, "the client to be let in again")
    many = door.slow.request("POST", "/v1/events", json={"events": [view(user="slow") for _ in range(1_000)]})
    if many.status_code == 202:
        assert int(door.slow.send(view()).headers["retry-after"]) > 10, "a thousand events are many requests"


def test_pages_of_a_clients_origins_may_read_answers(door: Door) -> None:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-api-key,x-user-token",
    }
    preflight = httpx.options(f"{door.url}/v1/events", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "x-user-token" in preflight.headers["access-control-allow-headers"].lower()
    answer = door.page.send(view(user=None, session="s-1"), origin=ORIGIN)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, ORIGIN)
    refused = door.page.send(view(user=None, session="s-1", kind="look"), origin=ORIGIN)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, ORIGIN)
    foreign = httpx.options(f"{door.url}/v1/events", headers={**asked, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers
    evil = door.page.send(view(user=None, session="s-1"), origin="https://evil.example")
    assert_refused(evil, 403, "origin", "evil.example")
    assert "access-control-allow-origin" not in evil.headers


def test_a_page_that_the_api_serves_needs_no_origin_of_its_own(door: Door) -> None:
    assert door.page.send(view(user=None, session="s-1"), origin=door.url).status_code == 202


def test_keys_are_counted_and_never_shown(door: Door) -> None:
    strange = new_key()
    assert EventsClient(door.url, {"X-Api-Key": strange}).send(view()).status_code == 401
    metrics = httpx.get(f"{door.url}/metrics").text
    assert 'headrace_api_refused_clients_total{client="unknown",reason="unknown_key",service="serve_api"}' in metrics
    everything = metrics + httpx.get(f"{door.url}/openapi.json").text
    assert strange not in everything
    assert json.dumps(door.server.headers["X-Api-Key"]) not in everything
