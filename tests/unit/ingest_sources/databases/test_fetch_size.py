"""How many rows are fetched at once."""

from collections.abc import Iterator

from ingest_sources.databases.fetch_size import FetchSize


def fetches(fetch: FetchSize, row_bytes: int) -> Iterator[int]:
    """The fetches of one part of rows that are all of one size."""
    fetch.begin()
    while not fetch.is_full:
        count = fetch.next_rows
        fetch.took(count, count * row_bytes)
        yield count


def test_small_rows_fill_a_part_by_their_number() -> None:
    fetch = FetchSize(1_000, 1_000_000)
    assert list(fetches(fetch, 10)) == [20, 200, 200, 200, 200, 180]
    assert list(fetches(fetch, 10)) == [200] * 5


def test_large_rows_fill_a_part_by_their_bytes() -> None:
    fetch = FetchSize(1_000, 1_000_000)
    assert list(fetches(fetch, 400_000)) == [20]
    assert list(fetches(fetch, 400_000)) == [2, 1]


def test_part_passes_its_size_by_one_fetch_at_most() -> None:
    fetch = FetchSize(20_000, 1_000_000)
    small = fetches(fetch, 1)
    assert [next(small) for _ in range(3)] == [20, 200, 200]
    fetch.took(fetch.next_rows, 200 * 1_000_000)
    assert fetch.is_full
    fetch.begin()
    assert fetch.next_rows == 1


def test_less_than_the_first_fetch_may_be_in_a_part() -> None:
    assert FetchSize(7, 1_000_000).next_rows == 7
