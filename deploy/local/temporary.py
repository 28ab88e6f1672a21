"""Stacks for tests and benchmarks: a folder and ports of their own, and nothing left behind, even by a killed owner."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local import process
from deploy.local.paths import PROJECT, Layout
from deploy.local.ports import Ports
from deploy.local.process import ProcessRecord
from deploy.local.stack import Stack

FOLDER = PROJECT / ".headrace" / "temporary"
_OWNER = "owner.json"


@contextmanager
def temporary_stack(
    folder: Path = FOLDER, *, environment: Mapping[str, Mapping[str, str]] | None = None, workers: int = 1
) -> Iterator[Stack]:
    """A stack on free ports with nothing started; everything in it is killed and its data deleted at the end.

    Its logs stay until the next one begins, which also ends what an owner that was killed left running.
    """
    end_abandoned(folder)
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder))
    ProcessRecord.of(os.getpid()).write(root / _OWNER)
    stack = Stack(root, Ports.free(), environment=environment, workers=workers)
    try:
        yield stack
    finally:
        stack.stop(timeout=0)
        stack.wipe()


def end_abandoned(folder: Path) -> None:
    """End and delete every stack under `folder` whose owner no longer runs."""
    for owner_record in folder.glob(f"*/{_OWNER}"):
        owner = ProcessRecord.read(owner_record)
        if owner is None or owner.is_alive():
            continue
        for path in Layout(owner_record.parent).records():
            record = ProcessRecord.read(path)
            if record is not None:
                process.stop(record, timeout=0)
        shutil.rmtree(owner_record.parent, ignore_errors=True)
