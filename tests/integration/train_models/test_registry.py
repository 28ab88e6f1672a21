"""Runs and versions in a real MLflow, in SQLite and behind its server."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.models.manifest import MANIFEST_FILE, sha256
from headrace.models.records import Promotion
from tests.integration.train_models.artifacts import write_folder
from train_models.registry.mlflow_registry import Registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(folder: Path) -> Registry:
    return Registry(f"sqlite:///{folder / 'db' / 'mlflow.db'}", str(folder / "artifacts"))


def test_a_version_has_what_its_manifest_says(registry: Registry, tmp_path: Path) -> None:
    made = write_folder(tmp_path / "made", "described")
    version = registry.register(made)
    assert version.version == 1
    assert version.manifest_sha256 == sha256((made / MANIFEST_FILE).read_bytes())
    (found,) = registry.versions("described")
    assert found.version == version
    assert found.metrics == {"hold_out_roc_auc": 0.84, "cv_roc_auc_mean": 0.845}
    assert found.tags["data_sha256"] == "d" * 64 and found.tags["content_sha256"] == "c" * 64
    assert found.tags["algorithm"] == "logistic" and found.tags["code"] == "0.1.0+abc"


def test_the_folder_of_a_version_holds_the_very_artifact_and_nothing_else(registry: Registry, tmp_path: Path) -> None:
    made = write_folder(tmp_path / "made", "kept")
    kept = Path(registry.register(made).uri)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        path.name: path.read_bytes() for path in made.iterdir()
    }


def test_versions_are_numbered_and_the_newest_comes_first(registry: Registry, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        registry.register(write_folder(tmp_path / str(seed), "numbered", seed=seed, score=0.8 + seed / 100))
    assert [each.version.version for each in registry.versions("numbered")] == [3, 2, 1]
    assert registry.version("numbered").metrics["hold_out_roc_auc"] == pytest.approx(0.83)
    assert registry.version("numbered", 2).version.version == 2
    assert "numbered" in registry.names()
    with pytest.raises(ConfigurationError, match="no version 9 of numbered; there are: 3, 2, 1"):
        registry.version("numbered", 9)
    with pytest.raises(ConfigurationError, match="headrace models train never"):
        registry.version("never")


def test_an_artifact_registered_again_keeps_its_number(registry: Registry, tmp_path: Path) -> None:
    first = registry.register(write_folder(tmp_path / "once", "twice"))
    registry.register(write_folder(tmp_path / "other", "twice", seed=2))
    assert registry.register(write_folder(tmp_path / "again", "twice")) == first
    assert len(registry.versions("twice")) == 2


def test_aliases_follow_the_promotion(registry: Registry, tmp_path: Path) -> None:
    versions = [registry.register(write_folder(tmp_path / str(seed), "aliased", seed=seed)) for seed in (1, 2)]
    registry.mirror(Promotion("aliased", 1, versions[0], 0, canary=versions[1], canary_share=0.1))
    assert _aliases(registry, "aliased") == {"champion": 1, "canary": 2}
    registry.mirror(Promotion("aliased", 2, versions[1], 0, shadow=versions[0]))
    assert _aliases(registry, "aliased") == {"champion": 2, "shadow": 1}


def test_files_of_a_version_are_found(registry: Registry, tmp_path: Path) -> None:
    registry.register(write_folder(tmp_path / "made", "fetched"))
    version = registry.version("fetched")
    assert registry.fetch(version, "report.html", tmp_path).read_text() == "<h1>Report</h1>"
    with pytest.raises(ConfigurationError, match=r"no picture\.png"):
        registry.fetch(version, "picture.png", tmp_path)


def test_a_folder_without_a_manifest_is_none(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no artifact"):
        registry.register(tmp_path)


def test_a_registry_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransientError, match="MLflow"):
        Registry("postgresql://nobody@127.0.0.1:1/mlflow", str(tmp_path)).versions("churn")


_REGISTERS = """
import sys
from pathlib import Path
from train_models.registry.mlflow_registry import Registry
uri, artifacts, *folders = sys.argv[1:]
for folder in folders:
    print(Registry(uri, artifacts).register(Path(folder)).version)
"""


def test_trainings_that_end_at_once_get_a_number_each(tmp_path: Path) -> None:
    """Two processes, on a database that neither has made yet."""
    place = (f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}", str(tmp_path / "artifacts"))
    folders = [[str(write_folder(tmp_path / f"{a}{b}", "raced", seed=10 * a + b)) for b in range(3)] for a in range(2)]
    commands = [[sys.executable, "-c", _REGISTERS, *place, *own] for own in folders]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda command: subprocess.run(command, capture_output=True, text=True), commands))
    assert [each.returncode for each in ended] == [0, 0], [each.stderr[-2_000:] for each in ended]
    assert sorted(int(line) for each in ended for line in each.stdout.split()) == [1, 2, 3, 4, 5, 6]


_IMPORTS = """
import os, sys
import train_models.registry.mlflow_registry as own
assert not [name for name in sys.modules if name == "mlflow"], "a command that needs no registry would wait for it"
own.Registry("sqlite:///" + sys.argv[1], "artifacts").names()
from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION
from mlflow.telemetry.utils import is_telemetry_disabled
assert MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get() is False
assert is_telemetry_disabled()
"""


def test_mlflow_comes_late_without_pickle_and_without_reports(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _IMPORTS, str(tmp_path / "mlflow.db")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def _aliases(registry: Registry, name: str) -> dict[str, int]:
    found = registry._mlflow().get_registered_model(name).aliases
    return {alias: int(version) for alias, version in found.items()}
