"""The keys with which pushes are signed: a file for each source, read again when it changes."""

import logging
import os
import re
import time
from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.secret_files import read_private
from serve_api.push_signature import SigningKey, parse_key

Keys = tuple[SigningKey, ...]
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SETTLED_NS = 1_000_000_000
"""A file that changed less long ago may change once more within one tick of the file system's clock."""
_log = logging.getLogger(__name__)


class PushKeys:
    """The files of a folder, whose names are the sources': a key a line, several while a sender changes its key.

    Args:
        folder: None where nobody may push.

    Raises:
        ConfigurationError: there is no such folder.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigurationError(f"SERVE_API_PUSH_KEYS: there is no folder {folder}")
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, ...], Keys | ConfigurationError]] = {}

    def of(self, source: str) -> Keys | None:
        """The keys of a source as its file is now; None: it has none.

        Raises:
            ConfigurationError: others may read the file, or it holds something that is no key. No key of it counts
                then, since one of those before may have been taken out.
        """
        if self._folder is None or not _SOURCE.fullmatch(source):
            return None
        path = self._folder / source
        try:
            stamp = _stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            self._read.pop(source, None)
            return None
        except OSError as error:
            _log.error("keys can't be used", extra={"source": source, "reason": str(error)})
            raise ConfigurationError(f"keys {path} can't be read: {error.strerror}") from error
        known = self._read.get(source)
        if known is None or known[0] != stamp:
            known = stamp, _load(path)
            if isinstance(known[1], ConfigurationError):
                _log.error("keys can't be used", extra={"source": source, "reason": str(known[1])})
            self._read[source] = known if stamp[0] < time.time_ns() - _SETTLED_NS else ((), known[1])
        if isinstance(known[1], ConfigurationError):
            raise known[1]
        return known[1]


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes whenever the file does; first the time of its last change."""
    stat: os.stat_result = path.stat()
    return max(stat.st_mtime_ns, stat.st_ctime_ns), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size


def _load(path: Path) -> Keys | ConfigurationError:
    try:
        lines = [line.strip() for line in read_private(path, "keys").splitlines()]
        return tuple(_key(path, number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#")
    except ConfigurationError as error:
        return error


def _key(path: Path, number: int, line: str) -> SigningKey:
    try:
        return parse_key(line)
    except ValueError as error:
        raise ConfigurationError(f"keys {path}, line {number}: {error}") from None
