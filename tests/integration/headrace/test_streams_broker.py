"""Kafka itself is killed while transactions are open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.crash import EXIT_CRASHED
from headrace.testing import wait_until
from tests.integration.headrace.streams_lab import Lab, assert_each_counted_once_in_order, lab_on

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(stack: Stack, tmp_path: Path) -> Iterator[Lab]:
    with lab_on(stack.brokers, tmp_path) as lab:
        yield lab


def test_killed_kafka_costs_no_record_doubles_none_and_holds_up_no_end(stack: Stack, lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    part, outputs = lab.part(source, output=target), lab.outputs(target)
    lab.send(source, range(20_000))
    worker = lab.start(part)
    wait_until(lambda: outputs.read() >= 2_000, "the first copies", 60)
    try:
        stack.kill("kafka")
    finally:
        stack.up("kafka")
    lab.send(source, range(20_000, 21_000))

    def is_done() -> bool:
        nonlocal worker
        if worker.poll() is not None:
            # What Kafka made of the open transaction it could not know: its successor finds out.
            assert lab.ended(worker) == EXIT_CRASHED
            worker = lab.start(part)
        return outputs.read() >= 21_000

    wait_until(is_done, "all copies", 120)
    assert_each_counted_once_in_order(outputs, 21_000)
    try:
        stack.kill("kafka")
        assert lab.end(worker) == 0, "a worker ends when it is told to, though Kafka is away"
    finally:
        stack.up("kafka")
