"""Topologies of more than one topic: a repartition by another key, and inputs that are read side by side."""

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from deploy.local.stack import Stack
from headrace.kafka import producer_config
from headrace.testing import wait_until
from tests.integration.headrace.streams_lab import KEYS, Lab, assert_each_counted_once, lab_on

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


def test_second_stage_has_its_turns_while_the_first_one_catches_up(stack: Stack, tmp_path: Path) -> None:
    """A fetch gives 500 records, and all of the first stage's input is in memory before any of the second's.

    Its eight tasks are so slow that one of them wants another batch at each fetch.
    """
    with lab_on(stack.brokers, tmp_path, partitions=8) as lab:
        source, between, target = lab.topic("in"), lab.topic("by-other-key"), lab.topic("out")
        first, second = lab.part(source, output=between, keys=7, batch_s=0.05), lab.part(between, output=target)
        outputs = lab.outputs(target)
        lab.send(source, range(40_000), keys=200)
        lab.start(first, second)
        outputs.wait_for(40_000)
        last = lab.times(between)[-1]
        meanwhile = sum(time < last for time in lab.times(target))
    assert meanwhile >= 15_000, f"{meanwhile} of 40,000 before the first stage had read all"


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


def test_stream_is_joined_to_all_that_a_table_held_at_the_start_also_after_a_kill(lab: Lab) -> None:
    """The table ends in an aborted transaction, whose offsets no reader ever sees."""
    stream, table, target = lab.topic("stream"), lab.topic("table", **{"cleanup.policy": "compact"}), lab.topic("out")
    part, outputs = lab.part(stream, output=target, table=table), lab.outputs(target)
    lab.send(stream, range(1_000))
    write_table(lab, table, range(200_000))
    # Each of the three tasks reads 66,667 rows: one checkpoint amid them, one with the rest.
    assert lab.ended(lab.start(part, step="prepared", count=2)) == -signal.SIGKILL
    lab.start(part)
    outputs.wait_for(1_000)
    for key in range(KEYS):
        assert {row for _, row in outputs.of_key[b"k%d" % key]} == {200_000 - KEYS + key}


def write_table(lab: Lab, table: str, numbers: range) -> None:
    """Commits a row for each number, then aborts newer ones."""
    name = f"writer-{uuid4()}"
    producer = Producer(
        {**producer_config(lab.brokers, name), "transactional.id": name, "queue.buffering.max.messages": 1_000_000}
    )
    producer.init_transactions()
    for rows, end in ((numbers, producer.commit_transaction), (range(900_000, 900_100), producer.abort_transaction)):
        producer.begin_transaction()
        for number in rows:
            key = b"k%d" % (number % KEYS)
            producer.produce(table, b"%s:%d" % (key, number), key)
        producer.flush()
        end()


def owners(lab: Lab) -> int:
    """Workers that got partitions at their last assignment, when no more than two have come."""
    return sum(0 < len(record["partitions"]) < 6 for record in lab.said("partitions assigned")[-2:])
