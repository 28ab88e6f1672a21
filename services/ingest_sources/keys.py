"""Secret keys from files: one each, so that a secret store can mount them."""

from pathlib import Path

from headrace.errors import ConfigurationError
from ingest_sources.rules.pseudonyms import SHORTEST_KEY, Keys


def load_keys(folder: Path | None) -> Keys:
    """Reads `ID:KEY` from each file of a folder; the file's name is the key's.

    Raises:
        ConfigurationError: a file is readable by others, or no key; it is named, its content is not shown.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigurationError(f"INGEST_SOURCES_KEYS: there is no folder {folder}")
    return {path.name: _load(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _load(path: Path) -> tuple[str, bytes]:
    try:
        mode, text = path.stat().st_mode, path.read_text(errors="replace")
    except OSError as error:
        raise ConfigurationError(f"key {path} can't be read: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigurationError(f"key {path} may be read by others than its owner: chmod 600 it")
    key_id, colon, key = text.strip().partition(":")
    if not (key_id and colon) or len(key.encode()) < SHORTEST_KEY:
        raise ConfigurationError(f"key {path} is not ID:KEY with a key of at least {SHORTEST_KEY} bytes, such as v1:…")
    return key_id, key.encode()
