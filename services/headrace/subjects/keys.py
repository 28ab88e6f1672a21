"""The file of subject keys: a secret that names are looked up under, and master keys that rows are sealed with.

`{"lookup": base64, "current": id, "masters": {id: base64}, "made": {id: microseconds}}`, keys of 32 bytes; all edges
have the same file. Rows are sealed with the current master key; others are there while rows are sealed anew.
"""

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headrace.clock import Clock, SystemClock
from headrace.errors import ConfigurationError, TransientError
from headrace.secret_files import locked, read_private

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Secrets(msgspec.Struct, frozen=True):
    """What the file holds.

    Attributes:
        made: when each master key was made, microseconds UTC; a file of an older version doesn't say.
    """

    lookup: bytes
    current: str
    masters: dict[str, bytes]
    made: dict[str, int] = {}

    @property
    def readable_since(self) -> int:
        """What was deleted before is sealed with keys that are gone, microseconds UTC; 0 where the file doesn't say."""
        return min(self.made.get(name, 0) for name in self.masters)

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
                f"a subject is sealed with master key {master}, which {self.path} lacks: bring it there; where it is "
                "destroyed, `headrace subjects rotate --give-up` makes a stranger of who had it"
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
            write_secrets(path, _with_new_master(Secrets(secrets.token_bytes(_KEY_BYTES), "", {}), SystemClock()))


def add_master(path: Path, clock: Clock | None = None) -> Secrets:
    """Adds a master key, with which rows are sealed from now on."""
    with locked(path):
        return write_secrets(path, _with_new_master(read_secrets(path), clock or SystemClock()))


def drop_masters(path: Path, names: AbstractSet[str]) -> list[str]:
    """Removes master keys: what they sealed can't be read by anybody from then on. The current one stays.

    Returns:
        The names of those that were there.
    """
    with locked(path):
        known = read_secrets(path)
        gone = known.masters.keys() & names - {known.current}
        masters = {name: key for name, key in known.masters.items() if name not in gone}
        made = {name: moment for name, moment in known.made.items() if name in masters}
        write_secrets(path, Secrets(known.lookup, known.current, masters, made))
        return sorted(gone)


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
    """Replaces the file as a whole, and overwrites what it held; to be called by who holds the lock.

    The name of what isn't finished is always the same: a process that was killed leaves no keys that outlive the next.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        if unfinished.exists():
            with unfinished.open("r+b") as left:
                _overwrite(left)
            unfinished.unlink()
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(msgspec.json.encode(content))
            made.flush()
            os.fsync(made.fileno())
        old = path.open("r+b") if path.exists() else None
        unfinished.replace(path)
        if old is not None:
            with old:
                _overwrite(old)
    except OSError as error:
        raise ConfigurationError(f"subject keys {path} can't be written: {error.strerror}") from error
    return content


def _overwrite(file: BinaryIO) -> None:
    file.write(b"\0" * os.fstat(file.fileno()).st_size)
    file.flush()
    os.fsync(file.fileno())


def _with_new_master(known: Secrets, clock: Clock) -> Secrets:
    name = secrets.token_hex(4)
    masters = {**known.masters, name: secrets.token_bytes(_KEY_BYTES)}
    return Secrets(known.lookup, name, masters, {**known.made, name: clock.now_us()})


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(f"subject keys {path} can't be read: {error.strerror}") from error
    return found.st_mtime_ns, found.st_ino, found.st_size
