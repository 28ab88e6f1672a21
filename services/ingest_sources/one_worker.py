"""Keeps a second process of this machine from working on the same source."""

import fcntl
import os
from pathlib import Path

from headrace.errors import ConfigurationError


class OneWorker:
    """A lock file; the kernel frees it when its process ends, however it ends."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._file: int | None = None

    def take(self) -> None:
        """Takes it, also where this process has it.

        Raises:
            ConfigurationError: another process has it, most likely the service.
            OSError: the file can't be made.
        """
        self.release()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise ConfigurationError(f"another process {self._what}, most likely the service: stop it first") from error

    def release(self) -> None:
        """Lets other processes have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
