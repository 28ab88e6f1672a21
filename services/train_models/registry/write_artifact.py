"""Writes a model's artifact: the folder that `headrace.models.artifact.load_artifact` reads."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headrace.errors import ConfigurationError
from headrace.models.artifact_folder import check_name
from headrace.models.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, encode_manifest, sha256
from headrace.models.signing import sign


def write_artifact(folder: Path, manifest: Manifest, files: Mapping[str, bytes], key: Ed25519PrivateKey) -> str:
    """Writes manifest, signature and files into a new folder, whole or not at all.

    Args:
        manifest: its `files` are set here.
        files: name → content of all other files.

    Returns:
        SHA-256 of the manifest, by which a promotion binds the artifact.

    Raises:
        ConfigurationError: the folder is there already or can't be written, or a file has a forbidden name.
    """
    for name in files:
        check_name(name)
    if {MANIFEST_FILE, SIGNATURE_FILE} & set(files):
        raise ConfigurationError(f"{MANIFEST_FILE} and {SIGNATURE_FILE} are written here, and can't be given")
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already, and an artifact is never changed")
    hashes = {name: sha256(content) for name, content in sorted(files.items())}
    content = encode_manifest(msgspec.structs.replace(manifest, files=hashes))
    try:
        _write_whole(folder, {**files, MANIFEST_FILE: content, SIGNATURE_FILE: sign(key, content)})
    except OSError as error:
        raise ConfigurationError(f"the artifact {folder} can't be written: {error.strerror}") from error
    return sha256(content)


def _write_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            with (made / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
