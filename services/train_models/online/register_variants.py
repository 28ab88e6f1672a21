"""Registers an online model's variants, so that a version's number is the same in the file and in the registry."""

import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headrace.errors import ConfigurationError
from headrace.models.manifest import CARD_FILE
from headrace.models.online import OnlineModel, Variant
from headrace.models.records import ModelVersion
from train_models.online.online_file import variant_of
from train_models.online.variant_card import variant_card
from train_models.online.variant_manifest import variant_content, variant_manifest
from train_models.provenance import code
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.registry.write_artifact import write_artifact


def missing_variants(model: OnlineModel, registered: Mapping[int, str]) -> tuple[Variant, ...]:
    """The variants that are to be registered, in that order.

    Args:
        registered: version → `variant_content` of what has this number.

    Raises:
        ConfigurationError: the numbers can't agree; says which are free.
    """
    following = max(registered, default=0) + 1
    missing = []
    for variant in sorted(model.variants, key=lambda each: each.version):
        if variant.version in registered:
            _check_same(model, variant, registered[variant.version], following)
            continue
        if variant.version != following:
            raise ConfigurationError(
                f"{model.name}.yaml: variant {variant.name} has version {variant.version}, and the next in the "
                f"registry is {following}: numbers are given in order and never again, so give it version {following}"
            )
        missing.append(variant)
        following += 1
    return tuple(missing)


def register_variants(
    model: OnlineModel, registry: Registry, key: Ed25519PrivateKey, scratch: Path, now: int
) -> tuple[ModelVersion, ...]:
    """Registers those that aren't yet, each as a signed artifact.

    Args:
        now: microseconds UTC.

    Returns:
        What is new.

    Raises:
        ConfigurationError: the numbers can't agree, or another one registered meanwhile.
        TransientError: MLflow doesn't answer.
    """
    missing = missing_variants(model, contents_of(registry.versions(model.name)))
    scratch.mkdir(parents=True, exist_ok=True)
    made = []
    for variant in missing:
        manifest = variant_manifest(model, variant, now, code(), version_of("river"))
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            path = Path(folder) / model.name
            write_artifact(path, manifest, {CARD_FILE: variant_card(model, variant).encode()}, key)
            version = registry.register(path)
        if version.version != variant.version:
            raise ConfigurationError(
                f"{model.name}: {variant.name} was registered as version {version.version} and not {variant.version}, "
                "as another one registered meanwhile: do it again, and it says which number is free"
            )
        made.append(version)
    return tuple(made)


def contents_of(versions: Sequence[RegisteredVersion]) -> dict[int, str]:
    """Version → `variant_content`."""
    return {each.version.version: each.tags.get("content_sha256", "") for each in versions}


def check_runs(model: OnlineModel, version: RegisteredVersion) -> None:
    """Checks that process_predictions runs a registered version.

    Raises:
        ConfigurationError: the file has no such variant, or another one under its number.
    """
    variant = variant_of(model, version.version.version)
    _check_same(model, variant, version.tags.get("content_sha256", ""), None)


def _check_same(model: OnlineModel, variant: Variant, content: str, following: int | None) -> None:
    if content != variant_content(model, variant):
        advice = "the next number" if following is None else f"version {following}"
        raise ConfigurationError(
            f"{model.name}.yaml: variant {variant.name} isn't the version {variant.version} that is registered: "
            f"one that is changed takes {advice}"
        )
