"""Opens a file that somebody else put there, and reads it without a position that others share."""

import errno
import io
import os
import stat
from pathlib import Path

from headrace.errors import Reason
from ingest_sources.readers.refusal import FileRefused, unreadable


def open_regular(path: Path) -> int:
    """The descriptor of a regular file, to be closed by the caller; never waits, never follows a link.

    Raises:
        FileRefused: it is a link, a pipe, a device or a folder, or may not be read.
        FileNotFoundError: it is gone.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise
    except OSError as error:
        what = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise _not_regular(what) from error
    try:
        check_regular(fd)
    except FileRefused:
        os.close(fd)
        raise
    return fd


def check_regular(fd: int) -> None:
    """Raises FileRefused: the descriptor is not of a regular file."""
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        raise _not_regular("a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device")


def _not_regular(what: str | None) -> FileRefused:
    return FileRefused(Reason.UNSUPPORTED_FORMAT, f"is {what}; only regular files are read")


class FileInput(io.RawIOBase):
    """A file by its descriptor, with a position of its own.

    Attributes:
        read_bytes: how far the file was read, for the ratio of unpacked to packed.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0
        self.size = os.fstat(fd).st_size
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise unreadable("a place before the file's start is referred to")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        count = os.preadv(self._fd, [buffer], self._position)
        self._position += count
        self.read_bytes = max(self.read_bytes, self._position)
        return count
