"""Whose records are taken next, when several stages have enough of them."""

from collections import Counter

from headrace.streams.engine import Partition
from headrace.streams.turns import Turns

FIRST: list[Partition] = [("raw", 0), ("raw", 1), ("answers", 0), ("raw", 2)]
SECOND: list[Partition] = [("lessons", 0)]
STAGES = {"raw": "first", "answers": "first", "lessons": "second"}


def taken(turns: Turns, partitions: list[Partition], times: int) -> list[Partition]:
    """One partition's records a turn."""
    found = []
    for _ in range(times):
        found.append(turns.order(partitions)[0])
        turns.took(found[-1:])
    return found


def test_stages_get_equally_many_turns_whatever_their_partitions() -> None:
    turns = taken(Turns(STAGES.__getitem__), FIRST + SECOND, 16)
    assert Counter(STAGES[topic] for topic, _ in turns) == {"first": 8, "second": 8}


def test_partitions_of_a_stage_get_equally_many_turns() -> None:
    assert Counter(taken(Turns(STAGES.__getitem__), FIRST, 12)) == dict.fromkeys(FIRST, 3)


def test_stage_that_had_nothing_to_do_has_the_next_turn_and_no_more_than_one_at_once() -> None:
    turns = Turns(STAGES.__getitem__)
    taken(turns, FIRST, 10)
    assert [topic == "lessons" for topic, _ in taken(turns, FIRST + SECOND, 4)] == [True, False, True, False]


def test_all_whose_records_were_taken_in_one_turn_have_had_theirs() -> None:
    turns = Turns(STAGES.__getitem__)
    turns.took([("raw", 0), ("raw", 1)])
    assert turns.order([("raw", 0), ("raw", 1), ("raw", 2)])[0] == ("raw", 2)
