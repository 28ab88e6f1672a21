"""Trainings use the data folder together; old parts of it are removed while none does."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK_FILE = "in_use.lock"


@contextmanager
def in_use(data: Path) -> Iterator[None]:
    """Holds what a training reads and writes, as many others may at once; the system ends it with the process."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / _LOCK_FILE).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def if_unused(data: Path) -> Iterator[bool]:
    """Whether nobody uses it now; if so, those who want to wait until this ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / _LOCK_FILE).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
