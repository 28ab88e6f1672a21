"""Reads the partitions of a range in order, some of them ahead, until enough rows are found."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")
T = TypeVar("T")

Position = tuple[int | str, ...]
"""A row's sort key, unique within what is scanned."""

MAX_AHEAD = 8
"""Partitions read at once: enough to hide the round trip on an empty range, few enough that one query is no burst."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of one partition in order; `state` is None on the last page."""

    rows: Sequence[T]
    state: bytes | None = None


Entry = tuple[Position, T]
Fetch = Callable[[P, bytes | None], Awaitable[Page[Entry[T]]]]
"""Reads one page of a partition; `state` is the one of the page before, None for the first."""


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a scan found.

    Attributes:
        items: those that were kept, at most as many as were wanted.
        reached: position of the last row that was read, where there is more behind it; None where all was read.
    """

    items: list[T]
    reached: Position | None


async def scan(
    partitions: Sequence[P],
    fetch: Fetch[P, T],
    keep: Callable[[Position, T], bool],
    wanted: int,
    max_read: int,
    is_full: Callable[[], bool] = lambda: False,
) -> Found[T]:
    """Reads partitions in their order until `wanted` items are kept, `max_read` are read, or all is read.

    It ends after the item that `is_full` is true of, too.

    It reads ahead one partition more for each that did not suffice, so that a dense range costs one read and an empty
    one few round trips.
    """
    items: list[T] = []
    read = 0
    reached: Position | None = None
    with _ahead(partitions, fetch) as first_pages:
        for partition, first in first_pages:
            page = await first
            while True:
                for position, item in page.rows:
                    # One row beyond what is wanted tells that there is a next page.
                    if reached is not None and (len(items) == wanted or read >= max_read or is_full()):
                        return Found(items, reached)
                    read, reached = read + 1, position
                    if keep(position, item):
                        items.append(item)
                if page.state is None:
                    break
                page = await fetch(partition, page.state)
    return Found(items, None)


@contextmanager
def _ahead(partitions: Sequence[P], fetch: Fetch[P, T]) -> Iterator[Iterator[tuple[P, asyncio.Future[Page[Entry[T]]]]]]:
    """The partitions with their first pages under way; what is not needed any more is cancelled at the end."""
    under_way: dict[int, asyncio.Future[Page[Entry[T]]]] = {}

    def walk() -> Iterator[tuple[P, asyncio.Future[Page[Entry[T]]]]]:
        for index, partition in enumerate(partitions):
            for ahead in range(index, min(2 * index + 1, index + MAX_AHEAD, len(partitions))):
                if ahead not in under_way:
                    under_way[ahead] = asyncio.ensure_future(fetch(partitions[ahead], None))
            yield partition, under_way.pop(index)

    try:
        yield walk()
    finally:
        for pending in under_way.values():
            pending.add_done_callback(_forget)
            pending.cancel()


def _forget(pending: asyncio.Future[Page[Entry[T]]]) -> None:
    # A read ahead that failed and was not needed is nobody's error; asyncio would report it as never retrieved.
    if not pending.cancelled():
        pending.exception()
