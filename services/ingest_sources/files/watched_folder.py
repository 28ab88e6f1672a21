"""A folder into which files are dropped: which are whole, taking one, and where it goes afterwards.

A file is taken by a rename into `.claimed`, so that whoever writes its name again writes another file. Nothing is ever
deleted or written over: what is done is in `archive`, what can't be read in `quarantine` beside a text that says why.
"""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path

from headrace.clock import Clock
from headrace.errors import ConfigurationError, Reason, TerminalError
from ingest_sources.one_worker import OneWorker

CLAIMED, ARCHIVE, QUARANTINE, LOCK = ".claimed", "archive", "quarantine", ".lock"
PARTIAL = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
"""Ends of the names under which copying programs write what is not whole yet."""
_NAME_BYTES = 255
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENODEV)
"""What the system says of a link that is not to be followed, a socket, and a device that is not there."""
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Look = tuple[int, int]
"""Size and time of change (ns): what a file that is being written changes."""


class UnfitFile(TerminalError):
    """What lies there is no plain file of its own; it is never opened."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.UNSUPPORTED_FORMAT, detail)


@dataclass(frozen=True)
class Seen:
    """How a file looked, and when that was first so."""

    look: Look
    since: float


class WatchedFolder:
    """The files of one folder; folders in it are not looked into.

    Args:
        stable_seconds: how long a file must look the same before it is taken.
    """

    def __init__(self, path: Path, pattern: str, stable_seconds: float, clock: Clock) -> None:
        self.path = path
        self._pattern = pattern
        self._stable_seconds = stable_seconds
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._lock = OneWorker(path / LOCK, f"takes the files of {path}")

    def prepare(self) -> None:
        """Makes the folder and those in it, and keeps other processes of this machine from working in it.

        Raises:
            ConfigurationError: that is not allowed here, or another process works in it.
        """
        try:
            for name in (CLAIMED, ARCHIVE, QUARANTINE):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            self._lock.take()
        except OSError as error:
            raise ConfigurationError(f"folder {self.path} can't be used: {error.strerror}") from error

    def release(self) -> None:
        """Lets other processes work in the folder."""
        self._lock.release()

    def waiting(self) -> list[str]:
        """Names that fit, whole or not, the oldest first."""
        found = []
        if not self.path.is_dir():
            return []
        with os.scandir(self.path) as entries:
            for entry in entries:
                # A name may go while it is looked at.
                with suppress(FileNotFoundError):
                    if self._fits(entry.name) and not entry.is_dir(follow_symlinks=False):
                        found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def whole(self) -> list[str]:
        """Names that fit and have not changed for long enough, the oldest first."""
        names = self.waiting()
        self._seen = {name: self._seen[name] for name in names if name in self._seen}
        return [name for name in names if self._is_whole(name)]

    def claim(self, name: str) -> Path | None:
        """Takes a file; returns where it is now, or None if it is gone."""
        target = _free(self.path / CLAIMED / name)
        try:
            os.rename(self.path / name, target)
        except FileNotFoundError:
            return None
        self._seen.pop(name, None)
        return target

    def take_in(self, copy: Path, name: str) -> Path:
        """Takes a whole file that was made elsewhere on the same disk, under a name or one like it."""
        return _move(copy, self.path / CLAIMED, name)

    def claimed(self) -> list[Path]:
        """What was taken and not put away, the oldest first: a run ended in between."""
        return sorted((self.path / CLAIMED).iterdir(), key=lambda path: (path.lstat().st_mtime_ns, path.name))

    def count(self) -> int:
        """Files that are not put away yet."""
        folder = self.path / CLAIMED
        return len(self.waiting()) + (len(list(folder.iterdir())) if folder.is_dir() else 0)

    def archive(self, claimed: Path) -> Path:
        """Puts a file away that is done."""
        return _move(claimed, self.path / ARCHIVE)

    def quarantine(self, claimed: Path, why: str) -> Path:
        """Puts a file away that can't be read, and says why beside it, as far as that can be written."""
        target = _move(claimed, self.path / QUARANTINE)
        with suppress(OSError):
            note = _free(target.with_name(os.fsdecode(os.fsencode(target.name)[:200]) + ".why.txt"))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(note, flags, 0o644), "w", errors="backslashreplace") as text:
                text.write(why + "\n")
        return target

    def archived(self, pattern: str) -> list[Path]:
        """Files that were put away as done."""
        found = (path for path in (self.path / ARCHIVE).iterdir() if fnmatchcase(path.name, pattern))
        return sorted(path for path in found if path.is_file() and not path.is_symlink())

    def claim_archived(self, archived: Path) -> Path:
        """Takes a file that was done, to load it again."""
        return _move(archived, self.path / CLAIMED)

    def _fits(self, name: str) -> bool:
        return not name.startswith(".") and not name.endswith(PARTIAL) and fnmatchcase(name, self._pattern)

    def _is_whole(self, name: str) -> bool:
        try:
            status = os.lstat(self.path / name)
        except FileNotFoundError:
            return False
        look = (status.st_size, status.st_mtime_ns)
        seen = self._seen.get(name)
        if seen is None or seen.look != look:
            seen = self._seen[name] = Seen(look, self._clock.monotonic())
        is_still = self._clock.monotonic() - seen.since >= self._stable_seconds
        return is_still and not (stat.S_ISREG(status.st_mode) and _is_being_written(self.path / name))


@dataclass(frozen=True)
class OpenFile:
    """A claimed file, open for reading.

    Attributes:
        sha256: of its content, in hexadecimal.
    """

    path: Path
    fd: int
    size: int
    sha256: str
    look: Look

    def has_changed(self) -> bool:
        """Whether somebody wrote to it since it was opened."""
        return _look(os.fstat(self.fd)) != self.look

    def close(self) -> None:
        os.close(self.fd)


def open_claimed(path: Path) -> OpenFile:
    """Opens a file and takes its hash, without a trust in what it is.

    Raises:
        UnfitFile: it is a link, a pipe or a device, has a second name, by which others have it, or may not be read.
        OSError: it is gone, or can't be read now.
    """
    name = shown(path.name)
    try:
        fd = os.open(path, _FLAGS)
    except PermissionError as error:
        raise UnfitFile(f"{name} may not be read by the user that runs the source") from error
    except OSError as error:
        if error.errno in _NO_FILE:
            raise UnfitFile(f"{name} is a link or no regular file, and those are not opened") from error
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnfitFile(f"{name} is no regular file")
        if status.st_nlink > 1:
            raise UnfitFile(f"{name} is a hard link of a file with {status.st_nlink} names: copy it instead")
        with open(fd, "rb", closefd=False) as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return OpenFile(path, fd, status.st_size, digest, _look(status))
    except BaseException:
        os.close(fd)
        raise


def shown(name: str) -> str:
    """A file's name as text that can be written anywhere: what is not UTF-8 in it is escaped."""
    return name.encode(errors="backslashreplace").decode()


def _is_being_written(path: Path) -> bool:
    """Whether a process of this machine has it open for writing, where the file system can tell: a lease says so."""
    try:
        fd = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        # Not our file, or a network's file system: then only its looks count.
        return False
    finally:
        os.close(fd)
    return False


def _look(status: os.stat_result) -> Look:
    return status.st_size, status.st_mtime_ns


def _move(path: Path, folder: Path, name: str = "") -> Path:
    target = _free(folder / (name or path.name))
    os.rename(path, target)
    return target


def _free(path: Path) -> Path:
    """The path, or one beside it that is not taken; only one process at a time moves files here."""
    return next(candidate for candidate in _candidates(path) if not os.path.lexists(candidate))


def _candidates(path: Path) -> Iterator[Path]:
    yield path.with_name(_short(path.name))
    # The ending stays, as it says what the file is.
    stem, ending = os.path.splitext(path.name)
    for number in count(1):
        yield path.with_name(_short(f"{stem}.{number}{ending}"))


def _short(name: str) -> str:
    """A name that no file system finds too long: its end, with a hash of all of it in front."""
    whole = os.fsencode(name)
    if len(whole) <= _NAME_BYTES:
        return name
    return f"{hashlib.sha256(whole).hexdigest()[:12]}-{os.fsdecode(whole[13 - _NAME_BYTES :])}"
