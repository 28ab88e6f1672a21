"""`/v1/recommendations/live` on the real topics."""

import secrets
import time
from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from headrace.interactions.records import Erasure
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import start_api
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.event_stream import following
from tests.integration.serve_api.shop import SITE, Shop, now_us, shop_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shop(api: Api, stack: Stack) -> Iterator[Shop]:
    with shop_of(api, stack.brokers) as shop:
        for name in ("cup", "pot", "jar", "lid"):
            shop.put(name)
        shop.learn({"cup": 50, "pot": 40, "jar": 30, "lid": 1}, {"pot": ["lid"]})
        yield shop


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(6)}"


def _url(shop: Shop, user: str) -> str:
    return f"{shop.api.url}/v1/recommendations/live?user={user}&category={shop.name}&count=3"


def _clients(shop: Shop) -> float:
    return shop.metric("headrace_recommendation_live_clients")


def test_an_answer_comes_at_once_and_a_new_one_when_the_person_did_something(shop: Shop, user: str) -> None:
    subject = shop.subject_of(user)
    with following(_url(shop, user)) as stream:
        (first,) = stream.wait_for("recommendations")
        assert "lid" not in shop.names(first.data)
        began = time.monotonic()
        shop.know(subject, "cup", "pot", bought=(shop.item("cup"),))
        second = stream.wait_for("recommendations", 2)[1]
        assert time.monotonic() - began < 1
        assert "lid" in shop.names(second.data) and "cup" not in shop.names(second.data)
        # Each list that is shown is an answer of its own.
        assert shop.made.of(first.data).id != shop.made.of(second.data).id
        shop.know(subject, "cup", "pot", bought=(shop.item("cup"),))
        stream.wait_for_comment("heartbeat")
        assert len(stream.named("recommendations")) == 2


def test_a_new_model_changes_it_too(shop: Shop, user: str) -> None:
    with following(_url(shop, user)) as stream:
        stream.wait_for("recommendations")
        shop.learn({"lid": 1e6})
        second = stream.wait_for("recommendations", 2)[1]
        assert shop.names(second.data)[0] == "lid"


def test_an_erasure_ends_it(shop: Shop, user: str) -> None:
    subject = shop.subject_of(user)
    shop.know(subject, bought=(shop.item("cup"),))
    wait_until(lambda: "cup" not in shop.names(shop.recommended(user=user)), "the purchase")
    with following(_url(shop, user)) as stream:
        stream.wait_for("recommendations")
        shop.write(Erasure(SITE, subject, now_us()))
        stream.wait_for("end")
        assert stream.ended.wait(5)


def test_a_client_that_leaves_is_forgotten_and_a_stop_ends_the_others(shop: Shop, stack: Stack, user: str) -> None:
    with following(_url(shop, user)):
        assert _clients(shop) == 1
    wait_until(lambda: _clients(shop) == 0, "the client to be forgotten")
    with following(_url(shop, user)) as stream:
        began = time.monotonic()
        stack.stop("serve_api")
        stream.wait_for("end")
        assert stream.ended.wait(5)
    assert time.monotonic() - began < 8
    start_api(stack)
    stack.wait_ready("serve_api")
