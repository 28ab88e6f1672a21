"""Keys are made, read and refused; a signature holds for its content and key only."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from headrace.errors import ConfigurationError
from headrace.models.signing import (
    create_key_pair,
    ensure_key_pair,
    is_signed,
    read_public_keys,
    read_signing_key,
    sign,
)


def test_pair_signs_and_checks(tmp_path: Path) -> None:
    create_key_pair(tmp_path / "keys" / "key.pem", tmp_path / "public.pem")
    key, known = read_signing_key(tmp_path / "keys" / "key.pem"), read_public_keys(tmp_path / "public.pem")
    signature = sign(key, b"content")
    assert is_signed(b"content", signature, known)
    assert not is_signed(b"other content", signature, known)
    assert not is_signed(b"content", signature[:-1] + bytes([signature[-1] ^ 1]), known)
    assert not is_signed(b"content", b"", known)
    assert not is_signed(b"content", signature, ())


def test_several_public_keys_are_known(tmp_path: Path) -> None:
    for name in ("old", "new"):
        create_key_pair(tmp_path / f"{name}.key", tmp_path / f"{name}.pub")
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "old.pub").read_text() + "\n" + (tmp_path / "new.pub").read_text())
    known = read_public_keys(both)
    assert all(
        is_signed(b"x", sign(read_signing_key(tmp_path / f"{name}.key"), b"x"), known) for name in ("old", "new")
    )


def test_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    private = tmp_path / "key.pem"
    create_key_pair(private, tmp_path / "public.pem")
    assert private.stat().st_mode & 0o077 == 0
    private.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"signing key .*key\.pem may be read by others .*chmod 600"):
        read_signing_key(private)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    private = tmp_path / "key.pem"
    create_key_pair(private, tmp_path / "public.pem")
    before = private.read_text()
    with pytest.raises(ConfigurationError, match="can't be created"):
        create_key_pair(private, tmp_path / "other.pem")
    assert private.read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.pem", "public.pem"]


@pytest.mark.parametrize("make", [create_key_pair, ensure_key_pair])
def test_no_private_key_beside_another_ones_public_key(tmp_path: Path, make: Any) -> None:
    private, public = tmp_path / "keys" / "key.pem", tmp_path / "public.pem"
    public.write_text("of another")
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"public\.pem can't be created: it is there already; move it away"
        ):
            make(private, public)
    assert not private.exists()
    assert public.read_text() == "of another"


def test_no_public_key_where_the_private_one_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"key\.pem can't be created"):
        create_key_pair(tmp_path / "file" / "key.pem", tmp_path / "public.pem")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_of_several_at_once_one_makes_the_pair(tmp_path: Path) -> None:
    ways = 8
    for attempt in range(10):
        private, public = tmp_path / f"{attempt}" / "key.pem", tmp_path / f"{attempt}.pem"
        barrier = Barrier(ways)

        def signed(private: Path = private, public: Path = public, barrier: Barrier = barrier) -> bytes:
            barrier.wait()
            ensure_key_pair(private, public)
            return sign(read_signing_key(private), b"content")

        with ThreadPoolExecutor(ways) as pool:
            signatures = [each.result() for each in [pool.submit(signed) for _ in range(ways)]]
        known = read_public_keys(public)
        assert all(is_signed(b"content", signature, known) for signature in signatures)
        assert private.parent.stat().st_mode & 0o077 == 0
        assert private.stat().st_mode & 0o777 == 0o600
        assert public.stat().st_mode & 0o777 == 0o644


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_text("no key")
    with pytest.raises(ConfigurationError, match="holds no private key"):
        read_signing_key(path)
    with pytest.raises(ConfigurationError, match="holds no public keys"):
        read_public_keys(path)
    with pytest.raises(ConfigurationError, match="can't be read: No such file"):
        read_public_keys(tmp_path / "none.pem")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048)
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigurationError, match="is no Ed25519 key"):
        read_signing_key(path)
    path.write_bytes(rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigurationError, match="must hold Ed25519 keys"):
        read_public_keys(path)
