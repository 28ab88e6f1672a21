"""How many messages a round asks for, by what came."""

from ingest_sources.rabbitmq.round_size import RoundSize

BUDGET = 1_000


def test_a_connection_begins_with_the_most_as_what_comes_again_must_come_at_once() -> None:
    size = RoundSize(500, BUDGET)
    assert size.count == 500
    size.note([1] * 500)
    assert size.count == 500


def test_no_more_are_asked_for_than_fit_if_all_are_as_large_as_the_largest() -> None:
    size = RoundSize(500, BUDGET)
    size.note([*[1] * 15, 200])
    assert size.count == BUDGET // 200
    size.note([3 * BUDGET])
    assert size.count == 1


def test_a_large_one_is_forgotten_when_small_ones_follow() -> None:
    size = RoundSize(500, BUDGET)
    size.note([500])
    for _ in range(12):
        size.note([1] * size.count)
    assert size.count == 500


def test_it_does_not_grow_by_rounds_that_are_not_full() -> None:
    size = RoundSize(500, BUDGET)
    size.note([100])
    size.note([1])
    assert size.count == 10
