"""Fan-out to live clients."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from serve_api.live_hub import Dropped, Filter, LiveEvent, LiveHub, Stream
from serve_api.metrics import Metrics
from serve_api.problems import Problem

PATIENCE_S = 5.0
ALL = Filter("default")


def _event(number: int, device: str = "a", metric: str = "t", site: str = "default") -> LiveEvent:
    return LiveEvent(site, device, metric, f"0-0-{number}", b"{}")


def _hub(max_clients: int = 10, queue_size: int = 100) -> tuple[LiveHub, CollectorRegistry]:
    registry = CollectorRegistry()
    return LiveHub(Metrics(registry), max_clients, queue_size), registry


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (ALL, [0, 1, 2]),
        (Filter("default", device="a"), [0, 1]),
        (Filter("default", metric="u"), [1]),
        (Filter("default", device="b", metric="u"), []),
        (Filter("other"), [3]),
    ],
)
def test_a_client_gets_what_it_asked_for_and_only_of_its_site(wanted: Filter, numbers: list[int]) -> None:
    async def follow() -> None:
        hub, _ = _hub()
        client = hub.subscribe(Stream.READINGS, wanted)
        events = [_event(0), _event(1, metric="u"), _event(2, device="b"), _event(3, site="other")]
        hub.publish(Stream.READINGS, events)
        hub.publish(Stream.ANOMALIES, [_event(9)])
        assert await client.take(0.0) == [events[number] for number in numbers]

    asyncio.run(follow())


def test_a_slow_client_loses_the_oldest_and_is_told_how_many() -> None:
    async def follow() -> None:
        hub, registry = _hub(queue_size=3)
        slow, other = hub.subscribe(Stream.READINGS, ALL), hub.subscribe(Stream.READINGS, Filter("default", "b"))
        hub.publish(Stream.READINGS, [_event(number) for number in range(8)])
        hub.publish(Stream.READINGS, [_event(8, device="b")])
        assert await slow.take(0.0) == [Dropped(6), _event(6), _event(7), _event(8, device="b")]
        assert await other.take(0.0) == [_event(8, device="b")]
        hub.publish(Stream.READINGS, [_event(9)])
        assert await slow.take(0.0) == [_event(9)]
        labels = {"service": "serve_api", "stream": "readings", "reason": "slow_client"}
        assert registry.get_sample_value("headrace_api_live_drops_total", labels) == 6

    asyncio.run(follow())


def test_silence_is_an_empty_list_and_an_event_ends_the_wait() -> None:
    async def follow() -> None:
        hub, _ = _hub()
        client = hub.subscribe(Stream.READINGS, ALL)
        assert await client.take(0.001) == []
        waiting = asyncio.create_task(client.take(PATIENCE_S))
        await asyncio.sleep(0)
        hub.publish(Stream.READINGS, [_event(1)])
        assert await waiting == [_event(1)]

    asyncio.run(follow())


def test_more_clients_than_allowed_are_refused_until_one_leaves() -> None:
    async def follow() -> None:
        hub, registry = _hub(max_clients=2)
        first = hub.subscribe(Stream.READINGS, ALL)
        hub.subscribe(Stream.ANOMALIES, ALL)
        with pytest.raises(Problem, match="taken") as refused:
            hub.subscribe(Stream.READINGS, ALL)
        assert (refused.value.status, refused.value.retry_after) == (503, 30)
        hub.release(first)
        hub.release(first)
        hub.subscribe(Stream.READINGS, ALL)
        labels = {"service": "serve_api", "stream": "readings"}
        assert registry.get_sample_value("headrace_api_live_clients", labels) == 1

    asyncio.run(follow())


def test_close_lets_clients_finish_and_refuses_new_ones() -> None:
    async def follow() -> None:
        hub, _ = _hub()
        client = hub.subscribe(Stream.READINGS, ALL)
        hub.publish(Stream.READINGS, [_event(1)])
        hub.close()
        assert await client.take(PATIENCE_S) == [_event(1)]
        assert await client.take(PATIENCE_S) is None
        with pytest.raises(Problem, match="restarting"):
            hub.subscribe(Stream.READINGS, ALL)

    asyncio.run(follow())


def test_the_hub_tells_what_its_clients_want() -> None:
    async def follow() -> None:
        hub, _ = _hub()
        client = hub.subscribe(Stream.READINGS, Filter("default", "a"))
        assert hub.wants(Stream.READINGS) == {Filter("default", "a")}
        hub.release(client)
        assert hub.wants(Stream.READINGS) == frozenset()

    asyncio.run(follow())
