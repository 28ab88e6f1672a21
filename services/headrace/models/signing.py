"""Ed25519 keys in PEM files: who may make a model signs its manifest, who runs one knows the public keys.

RFC 8032. A signature is 64 bytes.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from headrace.errors import ConfigurationError
from headrace.secret_files import locked, read_private

_END = "-----END PUBLIC KEY-----"


def create_key_pair(private: Path, public: Path) -> None:
    """Writes a new pair, both or none; neither file may be there yet.

    Raises:
        ConfigurationError: one is there, or can't be written.
    """
    for path in (private, public):
        if os.path.lexists(path):
            raise ConfigurationError(f"the key file {path} can't be created: it is there already; move it away first")
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # The public one first: what is signed by a key of which nobody has the public one is refused everywhere.
    _create(public, shown, 0o644)
    try:
        _create(private, secret, 0o600)
    except BaseException:
        public.unlink()
        raise


def ensure_key_pair(private: Path, public: Path) -> None:
    """The same where there is no private key yet; of several processes at once, one makes the pair and all have it.

    Raises:
        ConfigurationError: the public key alone is there, or a file can't be written.
    """
    if private.exists():
        return
    with locked(private):
        if not private.exists():
            create_key_pair(private, public)


def _create(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all."""
    made: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        made = Path(name)
        with os.fdopen(file, "wb") as opened:
            os.fchmod(file, mode)
            opened.write(content)
            opened.flush()
            os.fsync(file)
        # Unlike a rename, it never replaces what is there.
        os.link(made, path)
    except OSError as error:
        raise ConfigurationError(f"the key file {path} can't be created: {error.strerror}") from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file that its owner alone may read.

    Raises:
        ConfigurationError: it can't be read, others may read it, or it holds no Ed25519 key.
    """
    text = read_private(path, "signing key")
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"signing key {path} holds no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"signing key {path} is no Ed25519 key: move it away, and the next training makes one")
    return key


def read_public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """All public keys in a PEM file, so that an old and a new key are known while keys change.

    Raises:
        ConfigurationError: it can't be read, or holds anything but Ed25519 public keys.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise ConfigurationError(f"public keys {path} can't be read: {error.strerror}") from error
    blocks = [block + _END for block in text.split(_END) if block.strip()]
    try:
        keys = [load_pem_public_key(block.strip().encode()) for block in blocks]
    except ValueError as error:
        raise ConfigurationError(f"public keys {path} holds no public keys in PEM") from error
    known = tuple(key for key in keys if isinstance(key, Ed25519PublicKey))
    if not known or len(known) < len(keys):
        raise ConfigurationError(f"public keys {path} must hold Ed25519 keys, one or more, and no others")
    return known


def sign(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """The signature of content."""
    return key.sign(content)


def is_signed(content: bytes, signature: bytes, keys: Iterable[Ed25519PublicKey]) -> bool:
    """Whether the signature is of this content and by one of the keys."""
    for key in keys:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            continue
        return True
    return False
