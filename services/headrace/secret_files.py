"""Secrets from files, so that a secret store can mount them; none is ever shown."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import ConfigurationError


def read_private(path: Path, what: str) -> str:
    """The text of a file that its owner alone may read.

    Args:
        what: as a message names it, such as `key`.

    Raises:
        ConfigurationError: it can't be read, or others may.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(errors="replace")
    except OSError as error:
        raise ConfigurationError(f"{what} {path} can't be read: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigurationError(f"{what} {path} may be read by others than its owner: chmod 600 it")
    return text.strip()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time, for a file that is to be made or changed; its folder is made, its owner's alone.

    Raises:
        ConfigurationError: the lock beside it can't be created.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"the file {lock} can't be created: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
