"""A process that the demo runs beside the stack, of a module of this project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from deploy.local import process
from deploy.local.paths import PROJECT
from deploy.local.process import ProcessRecord
from deploy.local.stack import Stack

_STOP_S = 10.0
_IMPORT_PATH = (PROJECT, PROJECT / "services", PROJECT / "clients" / "python")


@contextmanager
def running(
    stack: Stack, name: str, module: str, arguments: Sequence[str], variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Runs `python -m module` for the length of the block, with its log and record under `name`.

    `variables` are added to this process's own environment.
    """
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(map(str, _IMPORT_PATH))}
    child = process.spawn(
        [sys.executable, "-m", module, *arguments], environment, stack.layout.log(name), stack.layout.root
    )
    record = ProcessRecord.of(child.pid)
    record.write(stack.layout.record(name))
    try:
        yield
    finally:
        process.stop(record, _STOP_S)
        stack.layout.record(name).unlink(missing_ok=True)
