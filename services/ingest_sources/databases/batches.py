"""Rows of a statement in batches that take about the same memory, however large the rows are."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from sys import getsizeof
from typing import Any

from sqlalchemy import Result

from ingest_sources.databases.column_kinds import Kind
from ingest_sources.databases.fetch_size import FetchSize

BATCH_BYTES = 16 << 20
_SLOW_S = 10.0
_OF_ONE_SIZE = (Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER, Kind.SMALL_NUMBER, Kind.TIME)
_CELL_BYTES = 8
Rows = Sequence[Sequence[Any]]
SizeOf = Callable[[Rows], int]


def batches(answer: Result[Any], size_of: SizeOf, rows: int) -> Iterator[Rows]:
    """All rows that are left, in batches that are never empty.

    A batch that the database takes long for ends before it is full, so that there is something to see.

    Args:
        rows: in a batch at most.
    """
    fetch = FetchSize(rows, BATCH_BYTES)
    batch: list[Sequence[Any]] = []
    begun = time.monotonic()
    while found := answer.fetchmany(fetch.next_rows):
        batch += found
        fetch.took(len(found), size_of(found))
        if fetch.is_full or time.monotonic() - begun > _SLOW_S:
            yield batch
            batch = []
            fetch.begin()
            begun = time.monotonic()
    if batch:
        yield batch


def size_of_rows(dialect: str, kinds: Sequence[Kind]) -> SizeOf:
    """What tells about how many bytes rows are.

    Args:
        dialect: its name, as SQLAlchemy has it.
        kinds: of the columns of the rows.
    """
    if dialect != "postgresql":
        # A cell may be anything, whatever its column is said to be.
        return lambda rows: sum(map(getsizeof, chain.from_iterable(rows)))
    # Only these need a look at each of their cells, all of which are texts: see `postgres_columns`.
    texts = [itemgetter(place) for place, kind in enumerate(kinds) if kind not in _OF_ONE_SIZE]
    row_bytes = _CELL_BYTES * len(kinds)

    def size_of(rows: Rows) -> int:
        return row_bytes * len(rows) + sum(sum(map(len, filter(None, map(cell_of, rows)))) for cell_of in texts)

    return size_of
