"""A process is ended by its record only, and ended whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import process
from deploy.local.process import ProcessRecord
from headrace.testing import wait_until

_SLEEP = "import time; time.sleep(60)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {_SLEEP}"
_ORDERLY = f"""
import signal, sys
signal.signal(signal.SIGTERM, lambda *arguments: sys.exit("ended"))
print("up", flush=True)
{_SLEEP}
"""
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{_SLEEP}'])"

Start = Callable[[str], ProcessRecord]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


@pytest.fixture
def start(log: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts Python programs, each ended and reaped after the test."""
    children: list[subprocess.Popen[bytes]] = []

    def spawn(program: str) -> ProcessRecord:
        children.append(process.spawn([sys.executable, "-c", program], os.environ, log, tmp_path))
        return ProcessRecord.of(children[-1].pid)

    yield spawn
    for child in children:
        child.kill()
        child.wait()


def test_a_record_of_a_recycled_id_ends_nothing(start: Start) -> None:
    running = start(_SLEEP)
    recycled = ProcessRecord(running.pid, "another boot:1")
    process.stop(recycled, timeout=0)
    recycled.send(signal.SIGKILL)
    assert not recycled.is_alive()
    assert running.is_alive()


def test_one_that_ignores_sigterm_is_killed(start: Start, log: Path) -> None:
    running = start(_STUBBORN)
    wait_until(lambda: "up" in process.tail(log), "the child to run")
    process.stop(running, timeout=0.2)
    assert not running.is_alive()


def test_a_paused_one_ends_in_its_own_way(start: Start, log: Path) -> None:
    running = start(_ORDERLY)
    wait_until(lambda: "up" in process.tail(log), "the child to run")
    running.send(signal.SIGSTOP)
    process.stop(running, timeout=5)
    assert "ended" in process.tail(log)


def test_what_a_process_left_behind_is_ended_with_it(start: Start) -> None:
    running = start(_PARENT)
    wait_until(lambda: bool(psutil.Process(running.pid).children()), "the child to have a child")
    child = ProcessRecord.of(psutil.Process(running.pid).children()[0].pid)
    process.stop(running, timeout=10)
    wait_until(lambda: not child.is_alive(), "the grandchild to end")


def test_a_started_process_is_out_of_reach_of_the_terminals_ctrl_c(start: Start) -> None:
    running = start(_SLEEP)
    assert os.getsid(running.pid) == running.pid


def test_a_record_survives_a_write_and_a_torn_one_counts_as_none(start: Start, tmp_path: Path) -> None:
    running = start(_SLEEP)
    path = tmp_path / "pids" / "child.json"
    running.write(path)
    assert ProcessRecord.read(path) == running
    path.write_text(path.read_text()[:10])
    assert ProcessRecord.read(path) is None
