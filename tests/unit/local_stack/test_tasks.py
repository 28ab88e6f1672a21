"""Set-up tasks: once per stack, and a failure shows what the command said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.local.component import Task
from deploy.local.errors import StartFailed
from deploy.local.ports import Ports
from deploy.local.stack import Stack


@pytest.fixture
def idle_stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path, Ports.defaults())


def test_a_task_runs_once_with_its_variables(idle_stack: Stack, tmp_path: Path) -> None:
    program = "import os, sys; open(sys.argv[1], 'a').write(os.environ['WORD'])"
    written = tmp_path / "written"
    task = Task("write", (sys.executable, "-c", program, str(written)), {"WORD": "once"})
    idle_stack.run_task(task)
    idle_stack.run_task(task)
    assert written.read_text() == "once"


def test_a_failed_task_shows_its_output_and_is_tried_again(idle_stack: Stack) -> None:
    task = Task("topics", (sys.executable, "-c", "raise SystemExit('the broker refused')"), {})
    for _ in range(2):
        with pytest.raises(StartFailed, match="the broker refused"):
            idle_stack.run_task(task)
