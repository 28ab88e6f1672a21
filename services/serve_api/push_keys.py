"""The keys with which pushes are signed: a file for each source, read again when it changes."""

import logging
import re
from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.secret_files import read_private
from serve_api.file_stamps import Stamp, is_settled, stamp_of
from serve_api.push_signature import SigningKey, parse_key

Keys = tuple[SigningKey, ...]
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,39}")
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
        self._read: dict[str, tuple[Stamp, Keys | ConfigurationError]] = {}

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
            stamp = stamp_of(path)
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
            self._read[source] = known if is_settled(stamp) else ((), known[1])
        if isinstance(known[1], ConfigurationError):
            raise known[1]
        return known[1]


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
