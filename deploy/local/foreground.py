"""One component in the terminal, with what it requires in the background."""

from __future__ import annotations

import subprocess

from deploy.local.errors import StackError
from deploy.local.stack import Stack


def run(stack: Stack, name: str) -> int:
    """Run a component until it ends, and return its exit status; Ctrl-C reaches it as well as us.

    What it requires is started before, and stopped after unless it ran before. Raises StackError where the component
    runs already.
    """
    if stack.is_running(name):
        raise StackError(f"{name} runs in the background already: `make down` stops it")
    requires = stack.component(name).requires
    if not requires:
        return _run(stack, name)
    with stack.running(*requires):
        return _run(stack, name)


def _run(stack: Stack, name: str) -> int:
    stack.prepare(name)
    with subprocess.Popen(stack.component(name).command, env=stack.variables(name)) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue
