"""The file of subject keys: a secret that names are looked up under, and master keys that rows are sealed with.

`{"lookup": base64, "current": id, "masters": {id: base64}}`, 32 bytes each; all edges have the same file. Rows are
sealed with the current master key; others are there while rows are sealed anew.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import threading
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headrace.errors import ConfigurationError, TransientError
from headrace.secret_files import locked, read_private

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Secrets(msgspec.Struct, frozen=True):
    """What the file holds."""

    lookup: bytes
    current: str
    masters: dict[str, bytes]

    def __repr__(self) -> str:
        return f"Secrets(current={self.current!r}, masters={sorted(self.masters)})"


class SubjectKeys:
    """The file as it is now: it is read again when it has changed. Any thread may ask.

    Raises:
        ConfigurationError: it can't be read, others may read it, or it holds no such keys.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._secrets = read_secrets(path)

    def lookup(self, site: str, name: str) -> bytes:
        """By what a person is looked up: HMAC-SHA256 of site and name. Without the file nobody can tell whose it is."""
        return hmac.digest(self._secrets.lookup, f"{len(site)}/{site}/{name}".encode(), hashlib.sha256)

    def seal(self, content: bytes, about: bytes) -> tuple[str, bytes]:
        """The id of the current master key, and the content encrypted with it and bound to what it is about."""
        now = self.secrets()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return now.current, nonce + AESGCM(now.masters[now.current]).encrypt(nonce, content, about)

    def unseal(self, master: str, sealed: bytes, about: bytes) -> bytes:
        """What was sealed.

        Raises:
            TransientError: there is no such master key here, or it is another one of that name.
        """
        key = self.secrets().masters.get(master)
        if key is None:
            raise TransientError(
                f"a subject is sealed with master key {master}, which {self.path} lacks: bring it there"
            )
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
        except InvalidTag as error:
            raise TransientError(f"a subject is sealed with a master key {master} that {self.path} has not") from error

    def secrets(self) -> Secrets:
        """What the file holds now; where it can't be read any more, what it held."""
        try:
            stamp = _stamp(self.path)
            if stamp != self._stamp:
                with self._lock:
                    self._secrets, self._stamp = read_secrets(self.path), stamp
        except ConfigurationError as error:
            raise TransientError(str(error)) from error
        return self._secrets


def ensure_keys(path: Path) -> None:
    """Makes the file where there is none; of several processes at once, one makes it and all have it.

    Raises:
        ConfigurationError: it can't be written.
    """
    with locked(path):
        if not path.exists():
            write_secrets(path, _with_new_master(secrets.token_bytes(_KEY_BYTES), {}))


def add_master(path: Path) -> Secrets:
    """Adds a master key, with which rows are sealed from now on."""
    with locked(path):
        known = read_secrets(path)
        return write_secrets(path, _with_new_master(known.lookup, known.masters))


def drop_old_masters(path: Path) -> list[str]:
    """Removes all master keys but the current one: what they sealed can't be read by anybody from then on."""
    with locked(path):
        known = read_secrets(path)
        write_secrets(path, Secrets(known.lookup, known.current, {known.current: known.masters[known.current]}))
        return sorted(known.masters.keys() - {known.current})


def read_secrets(path: Path) -> Secrets:
    """What the file holds.

    Raises:
        ConfigurationError: it can't be read, others may read it, or it holds no such keys.
    """
    text = read_private(path, "subject keys")
    try:
        found = msgspec.json.decode(text, type=Secrets)
    except msgspec.MsgspecError as error:
        # The error's own text could show a part of a key.
        raise ConfigurationError(f"subject keys {path}: not a file of `headrace subjects keys`") from error
    lengths = {len(key) for key in (found.lookup, *found.masters.values())}
    if found.current not in found.masters or lengths != {_KEY_BYTES}:
        raise ConfigurationError(f"subject keys {path}: each key has {_KEY_BYTES} bytes, and the current one is there")
    return found


def write_secrets(path: Path, content: Secrets) -> Secrets:
    """Replaces the file as a whole; what it held is overwritten before."""
    try:
        file, made = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(file, "wb") as opened:
            os.fchmod(file, 0o600)
            opened.write(msgspec.json.encode(content))
            opened.flush()
            os.fsync(file)
        old = path.open("r+b") if path.exists() else None
        Path(made).replace(path)
        if old is not None:
            with old:
                old.write(b"\0" * os.fstat(old.fileno()).st_size)
                old.flush()
                os.fsync(old.fileno())
    except OSError as error:
        raise ConfigurationError(f"subject keys {path} can't be written: {error.strerror}") from error
    return content


def _with_new_master(lookup: bytes, masters: dict[str, bytes]) -> Secrets:
    name = secrets.token_hex(4)
    return Secrets(lookup, name, {**masters, name: secrets.token_bytes(_KEY_BYTES)})


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(f"subject keys {path} can't be read: {error.strerror}") from error
    return found.st_mtime_ns, found.st_ino, found.st_size
