"""Secrets from files, so that a secret store can mount them; none is ever shown."""

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
