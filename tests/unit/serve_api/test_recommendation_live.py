"""A live stream of recommendations: what wakes it, what it tells, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from headrace.clock import SystemClock
from headrace.interactions.records import RecommenderModel
from serve_api.problems import Problem
from serve_api.recommendations.answering import Wanted
from serve_api.recommendations.asked import RecommendationQuery
from serve_api.recommendations.live_answers import LiveAnswers
from serve_api.recommendations.live_watchers import Watcher
from serve_api.recommendations.people import Found
from tests.unit.serve_api.shop_in_memory import SITE, Shop

_SOON_S = 5.0


def _stream(shop: Shop, watcher: Watcher, heartbeat: float = 60, model_interval: float = 60) -> AsyncIterator[bytes]:
    wanted = Wanted(SITE, "ann", RecommendationQuery(count=3), seed=0)
    answers = LiveAnswers(shop.answering, wanted, Found("ann"), watcher, heartbeat, model_interval)
    return answers.events()


async def _next(events: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(_SOON_S):
        return await anext(events)


def _items(event: bytes) -> list[str]:
    name, _, data = event.decode().partition("\ndata: ")
    assert name == "event: recommendations"
    return [row["item"] for row in json.loads(data)["items"]]


def _shop() -> Shop:
    shop = Shop(clock=SystemClock())
    shop.fill()
    return shop


def test_other_items_are_told_and_the_same_are_not() -> None:
    async def scenario() -> None:
        shop = _shop()
        watcher = shop.watchers.begin("ann")
        events = _stream(shop, watcher, heartbeat=0.2)
        assert b"following" in await _next(events)
        assert "i0" in _items(await _next(events))
        shop.watchers.wake_subjects(["ann"])
        assert b"heartbeat" in await _next(events)
        shop.know("ann", "i0")
        shop.watchers.wake_subjects(["ann", "somebody else"])
        assert "i0" not in _items(await _next(events))
        assert len(shop.kafka.written) == 2

    asyncio.run(scenario())


def test_a_new_model_is_followed_once_in_an_interval() -> None:
    async def scenario() -> None:
        shop = _shop()
        watcher = shop.watchers.begin("ann")
        events = _stream(shop, watcher, heartbeat=0.3, model_interval=0.5)
        await _next(events)
        await _next(events)
        began = asyncio.get_running_loop().time()
        shop.like("i5", 1e6)
        shop.site.apply_version(RecommenderModel(SITE, 2, shop.clock.now_us(), 1))
        shop.watchers.wake_all()
        while (event := await _next(events)) == b": heartbeat\n\n":
            shop.watchers.wake_all()
        assert _items(event)[0] == "i5"
        assert asyncio.get_running_loop().time() - began > 0.4

    asyncio.run(scenario())


@pytest.mark.parametrize("why", ["erased", "closed"])
def test_it_ends_with_a_word(why: str) -> None:
    async def scenario() -> None:
        shop = _shop()
        watcher = shop.watchers.begin("ann")
        events = _stream(shop, watcher)
        await _next(events)
        await _next(events)
        if why == "erased":
            shop.erased.add("ann")
            shop.watchers.wake_subjects(["ann"])
        else:
            shop.watchers.close()
        assert (await _next(events)).startswith(b"event: end")
        with pytest.raises(StopAsyncIteration):
            await _next(events)

    asyncio.run(scenario())


def test_places_are_bounded_and_given_back_once() -> None:
    shop = Shop()
    first, _ = shop.watchers.begin("ann"), shop.watchers.begin(None)
    assert shop.watchers.watched == {"ann"}
    with pytest.raises(Problem) as refused:
        shop.watchers.begin("bob")
    assert refused.value.status == 503
    shop.watchers.leave(first)
    shop.watchers.leave(first)
    assert shop.watchers.watched == frozenset()
    assert shop.value("headrace_recommendation_live_clients") == 1
    shop.watchers.begin("bob")
    shop.watchers.close()
    with pytest.raises(Problem):
        shop.watchers.begin("ann")
