"""Parts away: answers go on, and say what they do without."""

import secrets
import signal
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import environment
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.shop import Shop, shop_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shop(api: Api, stack: Stack) -> Iterator[Shop]:
    with shop_of(api, stack.brokers) as shop:
        for name in ("cup", "pot", "jar", "lid"):
            shop.put(name)
        shop.learn({"cup": 50, "pot": 40, "jar": 30})
        yield shop


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(6)}"


def test_without_kafka_answers_are_given_and_say_that_they_are_not_recorded(
    shop: Shop, stack: Stack, user: str
) -> None:
    shop.know(shop.subject_of(user), "pot")
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
    stack.kill("kafka", signal.SIGSTOP)
    try:
        # That only one a second waits for Kafka is shown with a clock of its own, in the unit tests.
        for _ in range(10):
            answer = shop.recommended(user=user)
            assert answer["degraded"] == ["record"]
            assert answer["kind"] == "personal" and answer["items"]
    finally:
        stack.kill("kafka", signal.SIGCONT)
    wait_until(lambda: shop.recommended(user=user)["degraded"] == [], "answers to be recorded again")


def test_without_cassandra_who_is_remembered_is_answered_as_always_and_others_impersonally(
    shop: Shop, stack: Stack, user: str
) -> None:
    shop.subject_of(user)
    stack.kill("cassandra", signal.SIGSTOP)
    try:
        answer = shop.recommended(user=f"{user}-other")
        assert (answer["kind"], answer["degraded"], answer["arms"]) == ("impersonal", ["subjects"], {})
        assert answer["items"]
        assert shop.recommended(user=user)["kind"] == "cold"
    finally:
        stack.kill("cassandra", signal.SIGCONT)
    wait_until(lambda: shop.recommended(user=f"{user}-other")["degraded"] == [], "subjects to be found again")


def test_an_api_that_starts_without_kafka_serves_and_fills_itself_later(
    shop: Shop, api: Api, stack: Stack, user: str
) -> None:
    subject = shop.subject_of(user)
    shop.know(subject, "pot")
    stack.stop("serve_api")
    stack.kill("kafka", signal.SIGSTOP)
    try:
        stack.start("serve_api", environment(stack))
        wait_until(lambda: _answers(api), "the API to start")
        answer = shop.recommended(user=user)
        assert {"catalog", "features", "online", "sessions"} <= set(answer["degraded"])
        assert (answer["items"], answer["kind"]) == ([], "impersonal")
        assert api.get(f"/v1/items/{shop.item('cup')}").status_code == 503
    finally:
        stack.kill("kafka", signal.SIGCONT)
    wait_until(lambda: shop.recommended(user=user)["degraded"] == [], "all to be read")
    assert shop.recommended(user=user)["kind"] == "personal"
    assert set(shop.names(shop.recommended(user=user, count=2))) == {"pot", "cup"}


def test_memory_for_persons_is_bounded(shop: Shop, api: Api, stack: Stack, user: str) -> None:
    subject = shop.subject_of(user)
    shop.know(subject, "pot")
    stack.stop("serve_api")
    try:
        stack.start("serve_api", {**environment(stack), "SERVE_API_RECOMMEND_USERS_BYTES": str(1 << 20)})
        stack.wait_ready("serve_api")
        wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
        for _ in range(10):
            shop.write_features([secrets.token_urlsafe(16)[:22] for _ in range(200)])
        wait_until(lambda: shop.recommended(user=user)["kind"] == "cold", "who was heard of last to have left")
        assert 0.9 * (1 << 20) < shop.metric("headrace_recommendation_users_bytes") <= 1 << 20
        assert shop.metric("headrace_recommendation_users_left_out") > 0
    finally:
        stack.stop("serve_api")
        stack.start("serve_api", environment(stack))
        stack.wait_ready("serve_api")


def _answers(api: Api) -> bool:
    try:
        return api.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
