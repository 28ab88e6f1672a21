"""Topologies of more than one topic: a repartition by another key, and inputs that are read side by side."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.headrace.streams_lab import Lab, assert_each_counted_once, lab_on

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(stack: Stack, tmp_path: Path) -> Iterator[Lab]:
    with lab_on(stack.brokers, tmp_path, partitions=3) as lab:
        yield lab


def test_counts_by_another_key_are_right_after_a_kill(lab: Lab) -> None:
    source, between, target = lab.topic("in"), lab.topic("by-other-key"), lab.topic("out")
    outputs = lab.outputs(target)
    parts = (lab.part(source, output=between, keys=7), lab.part(between, output=target))
    lab.send(source, range(5_000))
    # Each of the three tasks of the first stage commits at least once; the second stage is then at work.
    assert lab.ended(lab.start(*parts, step="prepared", count=4)) == -signal.SIGKILL
    lab.start(*parts)
    lab.send(source, range(5_000, 8_000))
    outputs.wait_for(8_000)
    assert len(outputs.of_key) == 7
    assert_each_counted_once(outputs, 8_000)


def test_inputs_of_one_stage_go_to_the_same_worker(lab: Lab) -> None:
    """Three partitions of two topics over two workers: dealt out one by one, they would be parted."""
    left, right, target = lab.topic("left"), lab.topic("right"), lab.topic("out")
    part, outputs = lab.part(left, right, output=target), lab.outputs(target)
    first = lab.start(part)
    lab.start(part)
    wait_until(lambda: owners(lab) == 2, "both workers to have partitions", 60)
    lab.send(left, range(1_000))
    lab.send(right, range(1_000, 2_000))
    outputs.wait_for(2_000, "copies by both")
    assert lab.end(first) == 0
    lab.send(right, range(2_000, 2_500))
    lab.send(left, range(2_500, 3_000))
    outputs.wait_for(3_000, "copies by the second")
    assert_each_counted_once(outputs, 3_000)


def owners(lab: Lab) -> int:
    """Workers that got partitions at their last assignment, when no more than two have come."""
    return sum(0 < len(record["partitions"]) < 6 for record in lab.said("partitions assigned")[-2:])
