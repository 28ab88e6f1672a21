"""A model file that is edited and trained again on the same rows: what is new, what is told, and what stays on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.models.manifest import MANIFEST_FILE, Manifest, decode_manifest
from tests.integration.train_models.workshop import MODEL, made_rows
from train_models.choice.progress import NoProgress
from train_models.data_in_use import in_use
from train_models.model_file import ModelFile
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.settings import Settings
from train_models.train import Trained, Trainer

pytestmark = pytest.mark.integration

SAID = "This hold-out has judged {} other run"
ONE = {"candidates": [{"algorithm": "logistic"}]}


class Bench:
    """Trains in a folder of its own, with a registry in SQLite; needs neither Kafka nor Cassandra."""

    def __init__(self, folder: Path, keep: int = 10) -> None:
        self.folder = folder
        self.settings = Settings(data=folder / "data", files=folder, models=folder, keep_trainings=keep)
        self.registry = Registry(self.settings.registry_uri, self.settings.artifacts_uri)
        self.write(made_rows(300))

    def write(self, rows: list[dict[str, Any]]) -> None:
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        (self.folder / "rows.csv").write_text("\n".join(lines) + "\n")

    def train(self, **parts: Any) -> Trained:
        data = {**MODEL["data"], "files": "rows.csv"}
        model = ModelFile.model_validate({"name": "churn", **MODEL, **ONE, **parts, "data": data})
        return Trainer(self.settings, self.registry).train(model, NoProgress())

    def manifest(self, version: RegisteredVersion) -> Manifest:
        return decode_manifest(self.registry.fetch(version, MANIFEST_FILE, self.folder / "scratch").read_bytes())

    def names(self, folder: str) -> set[str]:
        return {path.name for path in (self.settings.data / folder).iterdir()}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = Bench(tmp_path_factory.mktemp("edited"))
    made.train()
    return made


def test_what_decides_makes_a_new_version_and_the_table_says_what_is_registered(bench: Bench) -> None:
    first = bench.registry.version("churn", 1)
    inputs = {**MODEL["inputs"], "a": {"kind": "number", "nullable": True, "minimum": -50}}
    edits: list[dict[str, Any]] = [{"threshold": {"fixed": 0.9}}, {"inputs": inputs}]
    for edit in edits:
        trained = bench.train(**edit)
        manifest = bench.manifest(trained.version)

        assert trained.is_new
        assert trained.version.tags["content_sha256"] == first.tags["content_sha256"]
        assert manifest.threshold == trained.judged.threshold
        if "threshold" in edit:
            assert manifest.threshold == 0.9
        else:
            assert (manifest.inputs[0].nullable, manifest.inputs[0].minimum) == (True, -50)
        assert not bench.train(**edit).is_new
    unedited = bench.train()
    assert (unedited.is_new, unedited.version.version.version) == (False, 1)


def test_a_calibration_is_edited_and_trained_with(bench: Bench) -> None:
    trained = bench.train(calibration="sigmoid")

    assert trained.is_new
    assert bench.manifest(trained.version).calibration == "sigmoid"


def test_each_look_at_the_hold_out_is_told_whatever_was_edited(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    edits: list[dict[str, Any]] = [
        {},
        {"threshold": {"fixed": 0.3}},
        {"threshold": {"fixed": 0.35}},
        {"validation": {"folds": 3, "hold_out": 0.303}},
    ]
    for number, edit in enumerate(edits):
        caveats = bench.train(**edit).judged.caveats
        assert any(caveat.startswith(SAID.format(number)) for caveat in caveats) is (number > 0), (edit, caveats)
        assert any(caveat.startswith("This hold-out") for caveat in caveats) is (number > 0)


def test_old_runs_and_snapshots_go_and_those_of_versions_stay(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keep=1)
    versions = []
    for number in range(3):
        bench.write(made_rows(200, seed=number))
        versions.append(bench.train().version)
    nobodys = bench.settings.data / "snapshots" / ("0" * 64)
    nobodys.mkdir()
    with in_use(bench.settings.data):
        bench.train()
        assert nobodys.exists(), "another training may need it"
    bench.train()

    assert not nobodys.exists()
    assert bench.names("snapshots") == {version.tags["data_sha256"] for version in versions}
    assert bench.registry.snapshots() == bench.names("snapshots")
    assert len({name for name in bench.names("trainings/churn") if not name.endswith(".lock")}) == 1
    assert bench.names("runs") == {version.version.manifest_sha256 for version in versions}
    assert "looks.jsonl" in bench.names("hold_outs")
