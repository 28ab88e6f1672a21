"""A topology whose topics are missing or don't fit together is refused with what is wrong."""

from headrace.streams.topic_checks import problems_of
from headrace.streams.topology import Stage, Topology
from tests.unit.headrace.counting import Counting

TOPOLOGY = Topology("app", (Stage("count", ("left", "right"), Counting(), ("out",), "state"),))
GOOD = {"left": 4, "right": 4, "state": 4, "out": 8}


def test_equal_partitions_of_inputs_and_changelog_are_right_whatever_the_outputs_have() -> None:
    assert problems_of(TOPOLOGY, GOOD) == []


def test_missing_topics_are_named() -> None:
    (problem,) = problems_of(TOPOLOGY, {"left": 4, "right": 4})
    assert "out, state" in problem and "headrace.topics" in problem


def test_unequal_partitions_are_named() -> None:
    (problem,) = problems_of(TOPOLOGY, {**GOOD, "right": 3})
    assert "stage count" in problem and "right has 3" in problem
