"""Loads a model's artifact after all that can be checked has been; nothing in it is run, or unpacked, before.

An artifact is a folder: `manifest.json`, `manifest.sig`, and the files that the manifest lists by their SHA-256.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headrace.models.artifact_error import ArtifactError, OnlineArtifact, RecommenderArtifact
from headrace.models.artifact_folder import read_folder
from headrace.models.manifest import (
    CARD_FILE,
    FORMAT,
    MANIFEST_FILE,
    ONNX_FILE,
    SIGNATURE_FILE,
    SKOPS_FILE,
    Manifest,
    decode_manifest,
    sha256,
)
from headrace.models.recommender_files import WrongFiles, read_recommender
from headrace.models.scorer import Scorer
from headrace.models.signing import is_signed
from headrace.models.store import fetch

__all__ = ["Artifact", "ArtifactError", "load_artifact"]


@dataclass(frozen=True)
class Artifact:
    """What was loaded.

    Attributes:
        manifest_sha256: by which a promotion binds it.
        card: the model card in Markdown; empty where the artifact has none.
    """

    manifest: Manifest
    manifest_sha256: str
    scorer: Scorer
    card: str = ""


def load_artifact(
    uri: str | Path,
    *,
    manifest_sha256: str | None,
    public_keys: Sequence[Ed25519PublicKey],
    scratch: Path,
) -> Artifact:
    """Fetches, checks and loads an artifact.

    In this order: the folder holds plain files of allowed names and sizes; the manifest is signed by a known key; it is
    the one that was promoted; exactly the listed files are there, each with its SHA-256; its format is known. Then
    only is the model file loaded, from the very bytes that were checked.

    Args:
        uri: of the folder: a path, `file:`, or an object store's address.
        manifest_sha256: what the promotion says; None loads what is there, as long as it is signed.
        public_keys: of those whose models may run.
        scratch: a folder for what is fetched from an object store.

    Raises:
        OnlineArtifact: all is right with it, and it holds no model.
        RecommenderArtifact: all is right with it, and it holds a recommender, which scores no rows.
        ArtifactError: something is wrong with it; says what.
        TransientError: the object store doesn't answer.
        ConfigurationError: a library that it needs isn't installed.
    """
    with fetch(str(uri), scratch) as folder:
        files = read_folder(folder)
    manifest = _checked_manifest(files, manifest_sha256, public_keys)
    _check_files(manifest, files)
    card = files.get(CARD_FILE, b"").decode(errors="replace")
    if manifest.is_online:
        raise OnlineArtifact(manifest, card)
    if manifest.is_recommender:
        try:
            found = read_recommender(files)
        except WrongFiles as error:
            raise ArtifactError(str(error)) from error
        raise RecommenderArtifact(manifest, found, sha256(files[MANIFEST_FILE]), card)
    return Artifact(manifest, sha256(files[MANIFEST_FILE]), _load_scorer(manifest, files), card)


def _checked_manifest(
    files: dict[str, bytes], promoted: str | None, public_keys: Sequence[Ed25519PublicKey]
) -> Manifest:
    for needed in (MANIFEST_FILE, SIGNATURE_FILE):
        if needed not in files:
            raise ArtifactError(f"the artifact has no {needed}")
    content = files[MANIFEST_FILE]
    if not is_signed(content, files[SIGNATURE_FILE], public_keys):
        raise ArtifactError(f"{MANIFEST_FILE} is not signed by a known key: it was changed, or its maker isn't trusted")
    if promoted is not None and sha256(content) != promoted:
        raise ArtifactError(f"{MANIFEST_FILE} is not the one that was promoted: its SHA-256 is {sha256(content)}")
    try:
        manifest = decode_manifest(content)
    except msgspec.MsgspecError as error:
        raise ArtifactError(f"{MANIFEST_FILE} is no manifest that this version reads: {error}") from error
    if manifest.format != FORMAT:
        raise ArtifactError(f"{MANIFEST_FILE} has format {manifest.format}, and this version reads {FORMAT}")
    return manifest


def _check_files(manifest: Manifest, files: dict[str, bytes]) -> None:
    there = set(files) - {MANIFEST_FILE, SIGNATURE_FILE}
    if strangers := sorted(there - set(manifest.files)):
        raise ArtifactError(f"the artifact holds {', '.join(strangers)}, which its manifest doesn't list")
    if missing := sorted(set(manifest.files) - there):
        raise ArtifactError(f"the artifact lacks {', '.join(map(repr, missing))}, which its manifest lists")
    for name, expected in manifest.files.items():
        if sha256(files[name]) != expected:
            raise ArtifactError(f"{name} was changed: its SHA-256 is not the one in the manifest")


def _load_scorer(manifest: Manifest, files: dict[str, bytes]) -> Scorer:
    if ONNX_FILE in files:
        from headrace.models.onnx_scorer import OnnxScorer

        return OnnxScorer(files[ONNX_FILE], manifest.inputs)
    if SKOPS_FILE in files:
        from headrace.models.skops_scorer import SkopsScorer

        return SkopsScorer(files[SKOPS_FILE], manifest)
    raise ArtifactError(f"the artifact has neither {ONNX_FILE} nor {SKOPS_FILE}")
