"""One process at a time for one run: two would write each other's results."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_training(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Holds a lock, for which it waits; the system takes it from a process that ends, however that ends.

    Args:
        path: of the lock's file, on a disk of this machine; made where it is missing.
        on_wait: told once where another has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
