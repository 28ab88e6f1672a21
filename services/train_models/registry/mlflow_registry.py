"""MLflow: the runs, the versions of models and their artifacts. The one module that calls it.

Which version answers is said by `models.promoted`; the aliases here repeat it for people. MLflow takes a second to
import and reads the environment meanwhile, so it is imported where it is first called.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.errors import ConfigurationError, TransientError
from headrace.models.manifest import MANIFEST_FILE, Manifest, decode_manifest, sha256
from headrace.models.records import ModelVersion, Promotion, Role
from train_models.registry.mlflow_client import new_client, set_environment
from train_models.registry.same_model import identity_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Registered

CARD_FILE = "card.md"
_MANIFEST_TAG = "manifest_sha256"
_ROLES: tuple[Role, ...] = ("champion", "canary", "shadow")
_LONGEST_NOTE = 5_000
"""Characters of a version's description, of which MLflow keeps no more."""
_TRIES = 5
_PAUSE_S = 0.2
T = TypeVar("T")


@dataclass(frozen=True)
class RegisteredVersion:
    """A version as the registry has it.

    Attributes:
        created: microseconds UTC.
        metrics: as in the manifest.
        tags: algorithm, code, seed, and those of `same_model.identity_of`.
    """

    version: ModelVersion
    created: int
    metrics: dict[str, float]
    tags: dict[str, str]
    run_id: str


class Registry:
    """The registry behind an address.

    Args:
        uri: of a database or of MLflow's server.
        artifacts_uri: folder or object store under which each version has its artifact.
    """

    def __init__(self, uri: str, artifacts_uri: str) -> None:
        self._uri = uri
        self._artifacts_uri = artifacts_uri.rstrip("/")
        self._client: MlflowClient | None = None

    def register(self, folder: Path) -> ModelVersion:
        """Puts a finished artifact into the registry as the next version; one that is there already keeps its number.

        Args:
            folder: with the manifest, its signature, the model, the card and the report.

        Raises:
            ConfigurationError: there is no manifest.
            TransientError: the registry doesn't answer.
        """
        content = _read_manifest(folder)
        manifest, fingerprint = decode_manifest(content), sha256(content)
        return _patiently(lambda: self._find(manifest.name, fingerprint) or self._add(folder, manifest, fingerprint))

    def versions(self, name: str) -> list[RegisteredVersion]:
        """All versions of a model, the newest first; none where there is no such model."""
        found = _patiently(lambda: self._search(f"name = '{name}'"))
        return [self._describe(each) for each in sorted(found, key=lambda each: int(each.version), reverse=True)]

    def version(self, name: str, number: int | None = None) -> RegisteredVersion:
        """One version, or the newest.

        Raises:
            ConfigurationError: there is none; says which there are.
        """
        found = self.versions(name)
        for each in found:
            if number is None or each.version.version == number:
                return each
        known = ", ".join(str(each.version.version) for each in found)
        raise ConfigurationError(
            f"there is no version {number} of {name}; there are: {known}"
            if found
            else f"there is no version of {name}: headrace models train {name}"
        )

    def names(self) -> list[str]:
        """The models of which there is a version."""
        return sorted(each.name for each in _patiently(lambda: _all_pages(self._mlflow().search_registered_models)))

    def snapshots(self) -> frozenset[str]:
        """Hashes of the snapshots that the versions of all models were made of.

        Raises:
            TransientError: the registry doesn't answer.
        """
        found = _patiently(lambda: self._search(""))
        return frozenset(each.tags["data_sha256"] for each in found if "data_sha256" in each.tags)

    def note(
        self, name: str, version: RegisteredVersion, metrics: Mapping[str, float], tags: Mapping[str, str], at_us: int
    ) -> None:
        """Adds what was found out of a version since it was registered; a metric's earlier values stay in its history.

        Args:
            name: of the model.
            at_us: when, microseconds UTC.

        Raises:
            TransientError: the registry doesn't answer.
        """
        _patiently(lambda: self._note(name, version, metrics, tags, at_us // 1_000))

    def mirror(self, promotion: Promotion) -> None:
        """Sets the aliases champion, canary and shadow as a promotion has them.

        Raises:
            TransientError: the registry doesn't answer; the promotion holds without it.
        """
        for role in _ROLES:
            _patiently(partial(self._set_alias, promotion.name, role, getattr(promotion, role)))

    def fetch(self, version: RegisteredVersion, file: str, folder: Path) -> Path:
        """A file of a version's artifact, on this machine: `folder/file` if it has to be fetched.

        Raises:
            ConfigurationError: the artifact has no such file.
        """
        set_environment()
        from mlflow.artifacts import download_artifacts

        try:
            return Path(download_artifacts(artifact_uri=f"{version.version.uri}/{file}", dst_path=str(folder)))
        except Exception as error:
            raise ConfigurationError(f"{version.version.uri} has no {file}: {error}") from error

    def _mlflow(self) -> "MlflowClient":
        if self._client is None:
            self._client = _patiently(lambda: new_client(self._uri))
        return self._client

    def _add(self, folder: Path, manifest: Manifest, fingerprint: str) -> ModelVersion:
        from mlflow.entities import Metric, Param, RunTag

        client, card, now = self._mlflow(), _card(folder), manifest.created // 1_000
        tags = {**_tags(manifest, fingerprint), "mlflow.note.content": card}
        run = client.create_run(self._experiment(manifest.name), run_name=f"{manifest.name} {fingerprint[:8]}")
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(key, value, now, 0) for key, value in manifest.metrics.items()],
            params=[Param(key, str(value)) for key, value in manifest.params.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )
        client.log_artifacts(run.info.run_id, str(folder))
        client.set_terminated(run.info.run_id)
        self._ensure_model(manifest)
        # Made last: without it nobody sees what a killed one left, and the next makes a run of its own.
        made = client.create_model_version(
            manifest.name,
            source=run.info.artifact_uri,
            run_id=run.info.run_id,
            tags=_tags(manifest, fingerprint),
            description=card,
        )
        return ModelVersion(int(made.version), run.info.artifact_uri, fingerprint)

    def _note(
        self, name: str, version: RegisteredVersion, metrics: Mapping[str, float], tags: Mapping[str, str], at_ms: int
    ) -> None:
        from mlflow.entities import Metric

        client, number = self._mlflow(), str(version.version.version)
        client.log_batch(version.run_id, metrics=[Metric(key, value, at_ms, 0) for key, value in metrics.items()])
        for key, value in tags.items():
            client.set_model_version_tag(name, number, key, value)

    def _find(self, name: str, fingerprint: str) -> ModelVersion | None:
        found = self._search(f"name = '{name}' AND tag.{_MANIFEST_TAG} = '{fingerprint}'")
        return _version_of(found[0]) if found else None

    def _search(self, condition: str) -> "list[Registered]":
        client = self._mlflow()
        return _all_pages(lambda **page: client.search_model_versions(condition, **page))

    def _describe(self, found: "Registered") -> RegisteredVersion:
        run_id = str(found.run_id)
        run = _patiently(lambda: self._mlflow().get_run(run_id))
        created = int(found.creation_timestamp) * 1_000
        return RegisteredVersion(_version_of(found), created, dict(run.data.metrics), dict(found.tags), run_id)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        client = self._mlflow()
        with suppress(MlflowException):
            # Another training may make it just now.
            return str(client.create_experiment(name, artifact_location=f"{self._artifacts_uri}/{name}"))
        found = client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise ConfigurationError(f"the experiment {name} of {self._uri} was deleted: restore it in MLflow")
        return str(found.experiment_id)

    def _ensure_model(self, manifest: Manifest) -> None:
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException):
            self._mlflow().create_registered_model(manifest.name, description=manifest.about)

    def _set_alias(self, name: str, role: Role, version: ModelVersion | None) -> None:
        if version is None:
            self._mlflow().delete_registered_model_alias(name, role)
        else:
            self._mlflow().set_registered_model_alias(name, role, str(version.version))


def _patiently(call: Callable[[], T]) -> T:
    """Calls again while another one writes to the database.

    Raises:
        TransientError: it doesn't answer.
    """
    set_environment()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for tries_left in reversed(range(_TRIES)):
        try:
            return call()
        except (MlflowException, SQLAlchemyError) as error:
            if not (tries_left and "locked" in str(error)):
                raise TransientError(f"MLflow: {str(error).splitlines()[0][:500]}") from error
            time.sleep(_PAUSE_S)
    raise AssertionError("the last try returns or raises")


def _all_pages(search: Callable[..., Any]) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _version_of(found: "Registered") -> ModelVersion:
    return ModelVersion(int(found.version), str(found.source), found.tags[_MANIFEST_TAG])


def _read_manifest(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{folder} holds no artifact: {error}") from error


def _card(folder: Path) -> str:
    path = folder / CARD_FILE
    return path.read_text()[:_LONGEST_NOTE] if path.is_file() else ""


def _tags(manifest: Manifest, fingerprint: str) -> dict[str, str]:
    return {
        _MANIFEST_TAG: fingerprint,
        **identity_of(manifest),
        "data_rows": str(manifest.data_rows),
        "algorithm": manifest.algorithm,
        "code": manifest.code,
        "seed": str(manifest.seed),
        "task": manifest.task,
    }
