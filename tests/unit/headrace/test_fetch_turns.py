"""Every stage gets its turn at what aiokafka has fetched: on its real fetcher, whose answers are there already."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from faust.types import TP

LARGE, MIDDLE, SMALL = TP("raw", 0), TP("raw", 1), TP("lessons", 0)
ALL = {LARGE, MIDDLE, SMALL}
AT_ONCE = 2


class Records:
    """What `PartitionRecords` is to its users."""

    def __init__(self, count: int) -> None:
        self.next_fetch_offset = 0
        self._end = count

    def __iter__(self) -> "Records":
        return self

    def __next__(self) -> int:
        if self.next_fetch_offset == self._end:
            raise StopIteration
        self.next_fetch_offset += 1
        return self.next_fetch_offset - 1


class Position(SimpleNamespace):
    def consumed_to(self, position: int) -> None:
        self.position = position


def arrived(tp: TP, count: int) -> tuple[TopicPartition, Any]:
    """An answer with so many records of a partition."""
    state = Position(paused=False, position=0)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    result = fetcher.FetchResult(tp, assignment=assignment, partition_records=Records(count), backoff=0)
    return TopicPartition(*tp), result


@pytest.fixture
def asked(app: Any) -> Any:
    """aiokafka's consumer, as far as a fetch asks it; nothing runs behind it."""
    own = fetcher.Fetcher.__new__(fetcher.Fetcher)
    own._closed, own._wait_consume_future = False, None
    own._subscriptions = SimpleNamespace(
        reassignment_in_progress=False, is_assigned=lambda tp: True, fetch_context=nullcontext
    )
    app.consumer.flow_active = True
    return SimpleNamespace(_closed=False, _fetcher=own)


def hold(asked: Any, answers: Iterable[tuple[TopicPartition, Any]]) -> None:
    asked._fetcher._records = OrderedDict(answers)


def fetches(loop: asyncio.AbstractEventLoop, app: Any, asked: Any, times: int, wanted: set[TP] = ALL) -> list[Any]:
    """What so many fetches give, by partition."""

    async def run() -> list[Any]:
        thread = app.consumer._thread
        return [await thread._fetch_records(asked, wanted, timeout=0, max_records=AT_ONCE) for _ in range(times)]

    return loop.run_until_complete(run())


def test_stage_whose_records_came_last_waits_for_one_fetch_and_not_for_all_before_it(
    loop: asyncio.AbstractEventLoop, app: Any, asked: Any
) -> None:
    hold(asked, [arrived(LARGE, 100), arrived(MIDDLE, 100), arrived(SMALL, 4)])
    given = fetches(loop, app, asked, 5)
    assert sum(SMALL in one for one in given[:2]) == 1
    assert sorted(offset for one in given for offset in one.get(SMALL, [])) == [0, 1, 2, 3]
    assert {LARGE, MIDDLE} <= {tp for one in given for tp in one}, "partitions of one stage take turns too"


def test_aiokafka_alone_would_give_it_nothing_before_the_others_end(
    loop: asyncio.AbstractEventLoop, app: Any, asked: Any
) -> None:
    hold(asked, [arrived(LARGE, 100), arrived(SMALL, 4)])

    async def run() -> list[Any]:
        return [await asked._fetcher.fetched_records(ALL, 0, AT_ONCE) for _ in range(50)]

    assert all(list(one) == [LARGE] for one in loop.run_until_complete(run()))


def test_records_of_a_partition_stay_in_order_and_none_is_passed_over(
    loop: asyncio.AbstractEventLoop, app: Any, asked: Any
) -> None:
    hold(asked, [arrived(LARGE, 7), arrived(MIDDLE, 5), arrived(SMALL, 3)])
    given = fetches(loop, app, asked, 12)
    for tp, count in ((LARGE, 7), (MIDDLE, 5), (SMALL, 3)):
        assert [offset for one in given for offset in one.get(tp, [])] == list(range(count))
    assert max(sum(map(len, one.values())) for one in given) == AT_ONCE


def test_partition_that_is_not_wanted_keeps_its_records(loop: asyncio.AbstractEventLoop, app: Any, asked: Any) -> None:
    hold(asked, [arrived(LARGE, 2), arrived(SMALL, 2)])
    assert fetches(loop, app, asked, 2, {SMALL}) == [{SMALL: [0, 1]}, {}]
    assert fetches(loop, app, asked, 1) == [{LARGE: [0, 1]}]


def test_error_of_a_partition_is_raised_after_records_that_were_taken_before_it(
    loop: asyncio.AbstractEventLoop, app: Any, asked: Any
) -> None:
    error = fetcher.FetchError(error=OffsetOutOfRangeError({MIDDLE: 7}), backoff=0)
    hold(asked, [arrived(LARGE, 1), (TopicPartition(*MIDDLE), error), arrived(SMALL, 1)])
    given: dict[TP, list[int]] = {}
    errors = 0
    for _ in range(4):
        try:
            given.update(*fetches(loop, app, asked, 1))
        except OffsetOutOfRangeError:
            errors += 1
    assert errors == 1
    assert given == {LARGE: [0], SMALL: [0]}


def test_fetcher_keeps_its_answers_in_an_order_that_can_be_changed(loop: asyncio.AbstractEventLoop) -> None:
    async def made() -> Any:
        client = SimpleNamespace(_loop=asyncio.get_running_loop(), _metadata_max_age_ms=1)
        own = fetcher.Fetcher(client, SubscriptionState())
        await own.close()
        return own._records

    assert isinstance(loop.run_until_complete(made()), OrderedDict)
