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
from serve_api.recommendations.live_watchers import LiveWatchers, Watcher
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


def test_a_change_of_the_model_wakes_a_few_at_a_time_and_all_in_the_end() -> None:
    async def scenario() -> None:
        watchers = LiveWatchers(50, Shop().metrics.live_clients)
        all_of_them = [watchers.begin(f"s{number}") for number in range(20)]
        watchers.wake_all()
        assert sum(each.model_changed for each in all_of_them) < 5
        await _all_woken(all_of_them)
        # What changes meanwhile is told to those who were woken before it, too.
        watchers.wake_all()
        for each in all_of_them:
            each.model_changed = False
        watchers.wake_all()
        await _all_woken(all_of_them)

    asyncio.run(scenario())


async def _all_woken(watchers: list[Watcher]) -> None:
    async with asyncio.timeout(_SOON_S):
        while not all(each.model_changed for each in watchers):
            await asyncio.sleep(0.005)


def test_one_address_does_not_take_all_places() -> None:
    watchers = LiveWatchers(50, Shop().metrics.live_clients, max_each=2)
    first, _ = watchers.begin("ann", "192.0.2.1"), watchers.begin("bob", "192.0.2.1")
    with pytest.raises(Problem) as refused:
        watchers.begin("eve", "192.0.2.1")
    assert (refused.value.status, refused.value.kind, refused.value.retry_after) == (429, "too-many-streams", 30)
    watchers.begin("eve", "192.0.2.2")
    for _ in range(3):
        watchers.begin("a server's", None)
    for _ in range(2):
        watchers.leave(first)
    watchers.begin("ann", "192.0.2.1")
    with pytest.raises(Problem):
        watchers.begin("ann", "192.0.2.1")


def test_each_stream_has_chances_of_its_own() -> None:
    """With one seed for all, nobody would be shown what is explored, or everybody the same."""
    shop = _shop()
    wanted = Wanted(SITE, "ann", RecommendationQuery(count=3))
    streams = [LiveAnswers(shop.answering, wanted, Found("ann"), Watcher("ann"), 60, 60) for _ in range(3)]
    assert len({each._wanted.seed for each in streams} - {None}) == 3


def test_a_stream_lasts_so_long_at_most() -> None:
    async def scenario() -> None:
        shop = _shop()
        wanted = Wanted(SITE, "ann", RecommendationQuery(count=3), seed=0)
        watcher = shop.watchers.begin("ann")
        events = LiveAnswers(shop.answering, wanted, Found("ann"), watcher, 0.05, 60, longest=0.2).events()
        async with asyncio.timeout(_SOON_S):
            told = [event async for event in events]
        assert told[-1].startswith(b"event: end") and b": heartbeat\n\n" in told

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
