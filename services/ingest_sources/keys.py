"""Secret keys from files: one for each name, so that a secret store can mount them."""

import re
from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.secret_files import read_private
from ingest_sources.rules.pseudonyms import SHORTEST_KEY, Key, Keys

_ID = re.compile(r"[A-Za-z0-9_.-]+")


def load_keys(folder: Path | None) -> Keys:
    """Reads the keys of each file of a folder, a line `ID:KEY` each, the oldest first; the file's name is their name.

    Empty lines, and those that begin with #, are left out.

    Raises:
        ConfigurationError: a file is readable by others, or a line is no key; it is named, its content is not shown.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigurationError(f"INGEST_SOURCES_KEYS: there is no folder {folder}")
    return {path.name: _load(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _load(path: Path) -> tuple[Key, ...]:
    lines = enumerate(read_private(path, "key").splitlines(), 1)
    keys = [_key(path, number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise ConfigurationError(f"key {path} is empty; write a line ID:KEY into it")
    ids = [key.id for key in keys]
    if repeated := sorted({key_id for key_id in ids if ids.count(key_id) > 1}):
        raise ConfigurationError(
            f"key {path} has the id {', '.join(repeated)} more than once, so nobody knows which key made a pseudonym"
        )
    return tuple(keys)


def _key(path: Path, number: int, line: str) -> Key:
    key_id, _, secret = line.partition(":")
    if not _ID.fullmatch(key_id) or len(secret.encode()) < SHORTEST_KEY:
        raise ConfigurationError(
            f"key {path}, line {number}, is not ID:KEY with an id of letters, digits, `.`, `-` and `_`, and a key of "
            f"at least {SHORTEST_KEY} bytes, such as v1:…"
        )
    return Key(key_id, secret.encode())
