"""More than one worker: they share the partitions, and a wrong number is refused with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import StackError
from deploy.local.project import project_stack
from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until

pytestmark = pytest.mark.integration
WORKERS = ("process_readings", "process_readings_2")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with temporary_stack(tmp_path_factory.mktemp("two"), workers=2) as stack:
        stack.up(*WORKERS)
        yield stack


def partitions(stack: Stack, worker: str) -> set[str]:
    samples = scrape(f"http://{stack.host}:{stack.component(worker).ports[worker]}")
    return set(samples.by("headrace_lag_records", "partition")) if samples else set()


def test_two_workers_share_the_partitions(two: Stack) -> None:
    def shares() -> list[set[str]]:
        found = [partitions(two, worker) for worker in WORKERS]
        return found if all(found) and set.union(*found) == {"0", "1", "2", "3"} else []

    first, second = wait_until(shares, "all partitions at the two workers", 60)
    assert not first & second


def test_a_later_command_finds_the_second_worker(two: Stack) -> None:
    two.ports.save(two.layout.root / "ports.json")
    found = project_stack({"HEADRACE_ROOT": str(two.layout.root)})
    assert found.is_running("process_readings_2")
    # A worker that gives up partitions to the other is not ready for a moment.
    found.wait_ready("process_readings_2")


@pytest.mark.parametrize("number", ["0", "5", "many"])
def test_a_number_that_makes_no_sense_is_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="choose 1 to 4"):
        project_stack({"HEADRACE_ROOT": str(tmp_path), "HEADRACE_WORKERS": number})
