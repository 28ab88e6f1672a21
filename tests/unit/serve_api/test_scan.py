"""Scans over partitions."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_api.scan import MAX_AHEAD, Entry, Found, Page, Position, scan

Partition = list[list[int]]


class Partitions:
    """Pages of numbers; counts what is read, and how much at once."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self.partitions = partitions
        self.reads = 0
        self.at_once = 0
        self.most_at_once = 0

    async def fetch(self, index: int, state: bytes | None) -> Page[Entry[int]]:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        pages = self.partitions[index] or [[]]
        number = int(state or b"0")
        following = str(number + 1).encode() if number + 1 < len(pages) else None
        return Page([((value,), value) for value in pages[number]], following)

    def scan(self, wanted: int, max_read: int = 10**9, divisor: int = 1, after: int = -1) -> Found[int]:
        def keep(position: Position, value: int) -> bool:
            return value % divisor == 0 and value > after

        return asyncio.run(scan(range(len(self.partitions)), self.fetch, keep, wanted, max_read))


def _numbered(shape: Sequence[Sequence[int]]) -> list[Partition]:
    numbers = iter(range(10_000))
    return [[[next(numbers) for _ in range(size)] for size in pages] for pages in shape]


shapes = st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=30)


@settings(deadline=None)
@given(shapes, st.integers(1, 10), st.integers(1, 20), st.integers(1, 4))
def test_pages_together_are_all_rows_in_order(shape: list[list[int]], wanted: int, max_read: int, divisor: int) -> None:
    partitions = _numbered(shape)
    everything = [value for partition in partitions for page in partition for value in page]
    collected: list[int] = []
    after = -1
    for _ in range(len(everything) + 1):
        # Like the store, which leaves out what lies before the cursor.
        rest = [[[value for value in page if value > after] for page in partition] for partition in partitions]
        found = Partitions(rest).scan(wanted, max_read, divisor, after)
        assert len(found.items) <= wanted
        collected += found.items
        if found.reached is None:
            break
        after = int(found.reached[0])
    assert found.reached is None
    assert collected == [value for value in everything if value % divisor == 0]


def test_a_dense_range_costs_one_read() -> None:
    partitions = Partitions(_numbered([[5]] * 100))
    assert partitions.scan(wanted=3).items == [0, 1, 2]
    assert partitions.reads == 1


def test_an_empty_range_is_read_several_at_once_and_not_more() -> None:
    partitions = Partitions(_numbered([[0]] * 100))
    assert partitions.scan(wanted=3) == Found([], None)
    assert partitions.reads == 100
    assert partitions.most_at_once == MAX_AHEAD


def test_a_rare_item_ends_the_page_before_everything_is_read() -> None:
    partitions = Partitions(_numbered([[10]] * 100))
    found = partitions.scan(wanted=5, max_read=50, divisor=900)
    assert found == Found([0], (49,))
    assert partitions.reads < 30


def test_an_error_of_a_read_ends_the_scan() -> None:
    class Failing(Partitions):
        async def fetch(self, index: int, state: bytes | None) -> Page[Entry[int]]:
            if index >= 3:
                raise ConnectionError("away")
            return await super().fetch(index, state)

    with pytest.raises(ConnectionError):
        Failing(_numbered([[0]] * 100)).scan(wanted=3)


def test_an_error_of_a_read_ahead_that_was_not_needed_is_nobodys() -> None:
    class Failing(Partitions):
        async def fetch(self, index: int, state: bytes | None) -> Page[Entry[int]]:
            if index == 2:
                raise ConnectionError("away")
            return await super().fetch(index, state)

    assert Failing(_numbered([[0], [9, 9], [1]])).scan(wanted=12).items == list(range(12))
