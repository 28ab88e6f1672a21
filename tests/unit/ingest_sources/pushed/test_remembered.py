"""A push that is sent again is known, also after a start at any place."""

import random

import pytest

from ingest_sources.pushed.remembered import Remembered, Seen

WINDOW_MS = 1_000


def memory(count: int = 10, max_bytes: int = 1_000) -> Remembered:
    return Remembered(WINDOW_MS, count, max_bytes)


def test_id_is_new_once() -> None:
    known = memory()
    assert known.note(0, 0, "a", b"1") is Seen.NEW
    assert known.note(1, 1, "b", b"1") is Seen.NEW
    assert known.note(2, 2, "a", b"1") is Seen.AGAIN


def test_same_id_with_another_body_is_told() -> None:
    known = memory()
    known.note(0, 0, "a", b"1")
    assert known.note(1, 1, "a", b"2") is Seen.OTHER_BODY
    # Of a sender that keeps sending it, it is told once.
    assert known.note(2, 2, "a", b"2") is Seen.AGAIN


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
    time_ms = 0
    records: list[tuple[int, int, str, bytes] | int] = []
    for offset in range(400):
        time_ms += chance.choice((0, 1, 5, 40))
        if chance.random() < 0.2:
            records.append(time_ms)
        else:
            records.append((offset, time_ms, f"id{chance.randrange(60)}", b"x" * chance.randrange(1, 40)))
    end = chance.randrange(1, 400)
    count, max_bytes = chance.choice((5, 30, 1_000)), chance.choice((100, 500, 100_000))

    lasting = memory(count, max_bytes)
    _replay(lasting, records[:end])
    started = memory(count, max_bytes)
    since = lasting.since if lasting.since is not None else end
    _replay(started, records[since:end])

    assert started.since == lasting.since
    assert _replay(started, records[end:]) == _replay(lasting, records[end:])


def _replay(known: Remembered, records: list[tuple[int, int, str, bytes] | int]) -> list[Seen]:
    found = []
    for record in records:
        if isinstance(record, int):
            known.pass_time(record)
        else:
            found.append(known.note(*record))
    return found
