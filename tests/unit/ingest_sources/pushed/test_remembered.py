"""A push that is sent again is known, also after a start at any place."""

import random

import pytest

from ingest_sources.pushed.remembered import MAX_DISPUTED, Remembered, Seen

WINDOW_MS = 1_000


def memory(count: int = 10, max_bytes: int = 1_000) -> Remembered:
    return Remembered(WINDOW_MS, count, max_bytes)


def test_id_is_new_once() -> None:
    known = memory()
    assert known.note(0, 0, "a", b"1") is Seen.NEW
    assert known.note(1, 1, "b", b"1") is Seen.NEW
    assert known.note(2, 2, "a", b"1") is Seen.AGAIN


def test_same_id_with_another_body_is_told_and_the_first_stays_the_one_that_counts() -> None:
    known = memory()
    known.note(0, 0, "a", b"1")
    assert known.note(1, 1, "a", b"2") is Seen.OTHER_BODY
    assert known.note(2, 2, "a", b"1") is Seen.AGAIN
    assert known.note(3, 3, "a", b"2") is Seen.OTHER_BODY


def test_first_body_is_known_by_a_start_that_does_not_read_it() -> None:
    known = memory()
    known.note(0, 0, "a", b"1")
    known.note(1, 0, "b", b"1")
    known.note(2, 0, "a", b"2")
    assert (known.since, len(known.disputed)) == (1, 1)
    started = Remembered(WINDOW_MS, 10, disputed=known.disputed, until=3)
    started.note(1, 0, "b", b"1")
    started.note(2, 0, "a", b"2")
    assert started.disputed == known.disputed
    assert started.note(3, 0, "a", b"1") is Seen.AGAIN
    assert started.note(4, WINDOW_MS + 1, "a", b"2") is Seen.NEW
    assert started.disputed == {}


def test_no_more_than_so_many_first_bodies_are_in_a_cursor() -> None:
    known = memory(count=5_000, max_bytes=100_000)
    for number in range(2 * MAX_DISPUTED):
        for body in (b"1", b"2"):
            known.note(2 * number + (body == b"2"), 0, f"id{number}", body)
    assert len(known.disputed) == MAX_DISPUTED


def test_id_that_keeps_coming_stays_known() -> None:
    known = memory()
    known.note(0, 0, "a", b"1")
    for number in range(1, 10):
        assert known.note(number, number * WINDOW_MS, "a", b"1") is Seen.AGAIN
    assert known.note(10, 10 * WINDOW_MS + 1, "a", b"1") is Seen.NEW


def test_window_counts_append_time_of_any_record() -> None:
    known = memory()
    known.note(0, 0, "a", b"1")
    known.pass_time(WINDOW_MS)
    before = known.since
    known.pass_time(WINDOW_MS + 1)
    assert (before, known.since) == (0, None)
    assert known.note(1, 0, "a", b"1") is Seen.NEW


def test_no_more_than_so_many_are_known() -> None:
    known = memory(count=2)
    for offset, push_id in enumerate("abc"):
        known.note(offset, 0, push_id, b"1")
    assert known.since == 1
    assert known.note(3, 0, "a", b"1") is Seen.NEW


def test_a_start_never_reads_more_bytes_than_the_limit_but_for_one_body() -> None:
    known = memory(max_bytes=10)
    known.note(0, 0, "a", b"1" * 6)
    known.note(1, 0, "b", b"1" * 6)
    assert known.since == 1
    known.note(2, 0, "c", b"1" * 20)
    assert known.since == 2
    assert known.note(3, 0, "c", b"1" * 20) is Seen.AGAIN


@pytest.mark.parametrize("seed", range(30))
def test_memory_from_since_on_is_the_whole_memory(seed: int) -> None:
    """Whatever came: one that reads again from `since` answers to all that follows as one that never ended."""
    chance = random.Random(seed)
    time_ms, ids = 0, chance.choice((5, 60))
    records: list[tuple[int, int, str, bytes] | int] = []
    for offset in range(400):
        time_ms += chance.choice((0, 1, 5, 40))
        if chance.random() < 0.2:
            records.append(time_ms)
        else:
            # Few bodies and many, so that the same one comes again, also after others.
            body = b"x" * chance.choice((1, 2, chance.randrange(1, 40)))
            records.append((offset, time_ms, f"id{chance.randrange(ids)}", body))
    end = chance.randrange(1, 400)
    count, max_bytes = chance.choice((5, 30, 1_000)), chance.choice((100, 500, 100_000))

    lasting = memory(count, max_bytes)
    _replay(lasting, records[:end])
    started = Remembered(WINDOW_MS, count, max_bytes, lasting.disputed, until=end)
    since = lasting.since if lasting.since is not None else end
    _replay(started, records[since:end])

    assert (started.since, started.disputed) == (lasting.since, lasting.disputed)
    assert _replay(started, records[end:]) == _replay(lasting, records[end:])


def _replay(known: Remembered, records: list[tuple[int, int, str, bytes] | int]) -> list[Seen]:
    found = []
    for record in records:
        if isinstance(record, int):
            known.pass_time(record)
        else:
            found.append(known.note(*record))
    return found
