"""Workers on a real Kafka: each record counts once and state is right, whatever is killed, stopped, joins or leaves."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.crash import EXIT_CRASHED
from headrace.testing import wait_until
from tests.integration.headrace.copying_worker import SESSION_S
from tests.integration.headrace.streams_lab import Lab, assert_each_counted_once_in_order, lab_on

STEPS = ("taking over", "restoring", "processed", "preparing", "prepared", "committing", "committed")
SEED = int(os.environ.get("HEADRACE_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
CHOSEN = random.Random(SEED)
pytestmark = pytest.mark.integration


@pytest.fixture
def lab(stack: Stack, tmp_path: Path) -> Iterator[Lab]:
    with lab_on(stack.brokers, tmp_path) as lab:
        yield lab


@pytest.mark.parametrize("steps", [CHOSEN.sample(STEPS, 2)], ids=[f"HEADRACE_FAULT_SEED={SEED}"])
@pytest.mark.parametrize("place", ["memory", "disk"])
def test_worker_killed_at_any_step_loses_and_doubles_nothing(
    lab: Lab, place: str, steps: list[str], tmp_path: Path
) -> None:
    source, target, folder = lab.topic("in"), lab.topic("out"), tmp_path / "state"
    part = lab.part(source, output=target, folder=str(folder) if place == "disk" else "")
    outputs = lab.outputs(target)
    total = 0
    for step in steps:
        lab.send(source, range(total, total + 5_000))
        total += 5_000
        # Each of the four tasks comes to every step at least once.
        worker = lab.start(part, step=step, count=CHOSEN.randint(1, 4))
        assert lab.ended(worker) == -signal.SIGKILL, step
    last = lab.start(part)
    outputs.wait_for(total)
    assert_each_counted_once_in_order(outputs, total)
    assert lab.end(last) == 0
    assert not list(folder.glob("cells-*")), "what killed workers left is deleted, and the last one's goes with it"


def test_partitions_move_between_workers_that_join_and_leave(lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    part, outputs = lab.part(source, output=target), lab.outputs(target)
    lab.send(source, range(5_000))
    first = lab.start(part)
    wait_until(lambda: outputs.read() >= 2_000, "the first copies", 60)
    lab.start(part)
    lab.send(source, range(5_000, 10_000))
    outputs.wait_for(10_000, "copies by both")
    assert lab.end(first) == 0
    lab.send(source, range(10_000, 12_000))
    outputs.wait_for(12_000, "copies by the second")
    assert_each_counted_once_in_order(outputs, 12_000)


def test_worker_that_stood_still_past_its_session_writes_nothing_wrong(lab: Lab) -> None:
    source, target = lab.topic("in"), lab.topic("out")
    part, outputs = lab.part(source, output=target), lab.outputs(target)
    lab.send(source, range(5_000))
    # Each of the four tasks prepares at least once.
    zombie = lab.start(part, step="prepared", count=4, signal=signal.SIGSTOP)
    wait_until(lambda: stands_still(zombie.pid), "the worker to stand still", 30)
    lab.start(part)
    lab.send(source, range(5_000, 8_000))
    outputs.wait_for(8_000, "copies by the second", SESSION_S + 60)
    zombie.send_signal(signal.SIGCONT)
    lab.send(source, range(8_000, 12_000))
    outputs.wait_for(12_000, "copies by whoever is there")
    assert_each_counted_once_in_order(outputs, 12_000)
    # It was fenced and ends, or learns first that its partitions are gone and goes on.
    assert zombie.poll() in (None, EXIT_CRASHED)


def stands_still(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "T"
