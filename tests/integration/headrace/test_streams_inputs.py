"""Inputs with holes: nothing stalls, nothing is lost that the brokers still have, and what they deleted is counted."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from deploy.local.stack import Stack
from headrace.kafka import producer_config
from headrace.testing import wait_until
from tests.integration.headrace.streams_lab import (
    KEYS,
    Lab,
    Outputs,
    assert_each_counted_once_in_order,
    lab_on,
)
from tests.integration.headrace.test_streams import stands_still

DELETED = "input was deleted by its retention before it was processed"
pytestmark = pytest.mark.integration


@pytest.fixture
def lab(stack: Stack, tmp_path: Path) -> Iterator[Lab]:
    with lab_on(stack.brokers, tmp_path) as lab:
        yield lab


def send_in_transactions(lab: Lab, topic: str, groups: list[tuple[range, bool]]) -> None:
    """Writes each range of numbers in a transaction, which is committed or aborted."""
    producer = Producer({**producer_config(lab.brokers, "test"), "transactional.id": topic})
    producer.init_transactions(30)
    for numbers, is_commit in groups:
        producer.begin_transaction()
        for number in numbers:
            key = b"k%d" % (number % KEYS)
            producer.produce(topic, b"%s:%d" % (key, number), key)
        if is_commit:
            producer.commit_transaction(30)
        else:
            producer.flush(30)
            producer.abort_transaction(30)


def lost(lab: Lab) -> int:
    return sum(record["offsets"] for record in lab.said(DELETED))


def counts_are_without_gap(outputs: Outputs) -> bool:
    return all([count for _, count in pairs] == list(range(1, len(pairs) + 1)) for pairs in outputs.of_key.values())


def test_aborted_records_are_not_seen_and_their_gaps_stop_nothing(lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    outputs = lab.outputs(target)
    aborted = range(1_000_000, 1_000_500)
    send_in_transactions(lab, source, [(range(500), True), (aborted, False), (range(500, 1_000), True)])
    send_in_transactions(lab, source, [(aborted, False), (range(1_000, 1_100), True), (aborted, False)])
    part = lab.part(source, output=target)
    worker = lab.start(part)
    outputs.wait_for(1_100)
    assert lab.end(worker) == 0
    lab.start(part)
    send_in_transactions(lab, source, [(range(1_100, 1_200), True)])
    outputs.wait_for(1_200, "copies after a restart at a gap")
    assert_each_counted_once_in_order(outputs, 1_200)
    assert lost(lab) == 0


def test_compacted_input_with_gaps_is_read_to_its_end(lab: Lab) -> None:
    config = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.0",
        "segment.ms": "500",
        "max.compaction.lag.ms": "500",
    }
    lab.hurry_log_cleaner()
    source, target = lab.topic("in", **config), lab.topic("out")
    outputs = lab.outputs(target)
    first = 0

    def is_compacted() -> bool:
        nonlocal first
        lab.send(source, range(first, first + KEYS))
        first += KEYS
        return records_in(lab, source) < first * 3 // 4

    wait_until(is_compacted, "the log cleaner", 120, every=0.5)
    lab.start(lab.part(source, output=target))
    wait_until(lambda: sum(1 for _ in newest(outputs)) == KEYS, "the newest number of each key", 60)
    assert counts_are_without_gap(outputs)
    lab.send(source, range(first, first + KEYS))
    wait_until(lambda: newest(outputs) == set(range(first, first + KEYS)), "the numbers after the gaps", 60)
    assert lost(lab) == 0


def records_in(lab: Lab, topic: str) -> int:
    reader = Outputs(lab.brokers, topic, lab.partitions)
    try:
        return reader.read_to(lab.ends(topic))
    finally:
        reader.close()


def newest(outputs: Outputs) -> set[int]:
    outputs.read()
    return {pairs[-1][0] for pairs in outputs.of_key.values()}


def test_input_deleted_before_it_was_processed_is_counted_and_the_rest_goes_on(lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    part, outputs = lab.part(source, output=target), lab.outputs(target)
    lab.send(source, range(1_000))
    first = lab.start(part)
    outputs.wait_for(1_000)
    assert lab.end(first) == 0
    lab.send(source, range(1_000, 2_000))
    lab.delete_before(source, lab.ends(source))
    lab.send(source, range(2_000, 2_500))
    second = lab.start(part)
    outputs.wait_for(1_500)
    assert lost(lab) == 1_000, "what was deleted while no worker ran"
    second.send_signal(signal.SIGSTOP)
    wait_until(lambda: stands_still(second.pid), "the worker to stand still", 30)
    # The fetch that waits at the broker may still bring the first of these; nothing asks for the second.
    lab.send(source, range(2_500, 2_750))
    lab.send(source, range(2_750, 3_000))
    lab.delete_before(source, lab.ends(source))
    lab.send(source, range(3_000, 3_500))
    second.send_signal(signal.SIGCONT)
    wait_until(lambda: newest(outputs) == set(range(3_500 - KEYS, 3_500)), "the newest records", 60)
    assert counts_are_without_gap(outputs)
    assert lost(lab) >= 1_250, "what was deleted before a running worker read it"
    assert outputs.total + lost(lab) == 3_500, "every offset is processed or counted as lost, and none is both"


def test_lone_record_is_seen_soon_though_other_partitions_are_idle(lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    outputs = lab.outputs(target)
    lab.start(lab.part(source, output=target))
    lab.send(source, [0])
    outputs.wait_for(1)
    delays = []
    for number in range(1, 6):
        begin = time.monotonic()
        lab.send(source, [number])
        outputs.wait_for(number + 1)
        delays.append(time.monotonic() - begin)
    # With the waits of Faust's own consumer, 1.5 s, not one would be.
    assert min(delays) < 1.0, delays
