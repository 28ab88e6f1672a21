"""From a promoted version to one that can score: its artifact is checked and loaded, and it is warmed up."""

from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.models.artifact import Artifact, load_artifact
from headrace.models.artifact_error import OnlineArtifact, RecommenderArtifact
from headrace.models.loaded_version import LoadedVersion
from headrace.models.manifest import Manifest
from headrace.models.records import ModelVersion
from headrace.models.scorer import Model
from headrace.models.signing import read_public_keys


class VersionLoader:
    """Loads versions.

    Args:
        keys: the PEM file of those whose models may run; it is read at each load, so that a new key counts at once.
        keys_setting: the setting that names this file.
        scratch: a folder for what is fetched from an object store.
    """

    def __init__(self, keys: Path | None, keys_setting: str, scratch: Path) -> None:
        self._keys = keys
        self._keys_setting = keys_setting
        self._scratch = scratch

    def load(self, name: str, version: ModelVersion) -> LoadedVersion:
        """Gives a version that has scored typical rows.

        Raises:
            OnlineArtifact: all is right with it, and it runs in process_predictions by itself.
            RecommenderArtifact: all is right with it, and it scores no rows; its model has the version's number.
            ConfigurationError: something is wrong with it or with the keys, it is of another model, or it can't score.
            TransientError: the store doesn't answer.
        """
        if self._keys is None:
            raise ConfigurationError(f"no model is trusted: set {self._keys_setting} to the file of public keys")
        artifact = self._artifact(self._keys, name, version)
        loaded = LoadedVersion(version, Model(artifact.manifest, artifact.scorer), artifact.card)
        try:
            loaded.warm_up()
        except Exception as error:
            raise ConfigurationError(f"it can't score a typical row: {error}") from error
        return loaded

    def _artifact(self, keys: Path, name: str, version: ModelVersion) -> Artifact:
        try:
            artifact = load_artifact(
                version.uri,
                manifest_sha256=version.manifest_sha256,
                public_keys=read_public_keys(keys),
                scratch=self._scratch,
            )
        except OnlineArtifact as online:
            _check_name(online.manifest, name)
            raise
        except RecommenderArtifact as recommender:
            _check_name(recommender.manifest, name)
            recommender.found = recommender.found.numbered(version.version)
            raise
        _check_name(artifact.manifest, name)
        return artifact


def _check_name(manifest: Manifest, name: str) -> None:
    if manifest.name != name:
        raise ConfigurationError(f"its artifact is one of model {manifest.name}")
