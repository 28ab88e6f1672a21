"""The project's own stack, which `make up`, `make demo` and `make down` share, under one ignored folder."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.paths import DEFAULT_ROOT, Layout
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from headrace.topics import load_topics

AddedVariables = Callable[[Layout], Mapping[str, Mapping[str, str]]]
_PORTS = "ports.json"
_WORKER = "process_readings_"


def _nothing(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    return {}


def project_stack(environment: Mapping[str, str], added: AddedVariables = _nothing) -> Stack:
    """The stack on its usual ports, each moved by `HEADRACE_PORT_<NAME>`.

    `HEADRACE_WORKERS` processes run process_readings. `HEADRACE_HOST` is the address it listens on, `HEADRACE_ROOT` the
    folder of its data, logs and process records.
    `added` gives the variables that services get besides.
    While a component runs, the ports it was started with hold, whatever the environment says.
    Raises StackError for a port that is none and for an address that strangers can reach.
    """
    root = Path(environment.get("HEADRACE_ROOT") or DEFAULT_ROOT)
    host = environment.get("HEADRACE_HOST") or HOST
    more = added(Layout(root.resolve()))
    workers = max(_workers(environment), _started_workers(Layout(root)))
    saved = Ports.load(root / _PORTS)
    if saved is not None:
        stack = Stack(root, saved, environment=more, host=host, workers=workers)
        if len(stack.stopped()) < len(stack.components):
            return stack
    try:
        return Stack(root, Ports.from_environment(environment), environment=more, host=host, workers=workers)
    except ValueError as error:
        raise StackError(str(error)) from None


def _workers(environment: Mapping[str, str]) -> int:
    given = environment.get("HEADRACE_WORKERS") or "1"
    most = load_topics()["readings.raw"].partitions
    if not given.isdecimal() or not 1 <= int(given) <= most:
        raise StackError(
            f"{given} workers: choose 1 to {most}, as readings.raw has {most} partitions and each has one reader"
        )
    return int(given)


def _started_workers(layout: Layout) -> int:
    """The highest number of a worker that was started and not yet stopped."""
    numbers = [record.stem.removeprefix(_WORKER) for record in layout.records() if record.stem.startswith(_WORKER)]
    return max((int(number) for number in numbers if number.isdecimal()), default=1)


@contextmanager
def exclusive(stack: Stack) -> Iterator[None]:
    """Hold the stack's root: two commands at once would start a component twice. Raises StackError where it is held."""
    root = stack.layout.root
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"another command is starting or stopping {root}: wait for it") from None
        stack.ports.save(root / _PORTS)
        yield
