"""MLflow's database in PostgreSQL, reached by the driver that train_models installs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from deploy.local.stack import Stack
from tests.integration.train_models.artifacts import write_folder
from train_models.registry.mlflow_registry import Registry

pytestmark = [pytest.mark.integration]


def test_versions_are_kept_in_postgresql(stack: Stack, tmp_path: Path) -> None:
    made = [write_folder(tmp_path / str(seed), "kept", seed=seed) for seed in (1, 2)]
    with stack.running("postgres"):
        address = stack.postgres_url.replace("postgresql+psycopg2", "postgresql")
        with closing(psycopg.connect(address, autocommit=True)) as connection:
            connection.execute("CREATE DATABASE mlflow")
        uri = address.replace("postgresql://", "postgresql+psycopg://").rsplit("/", 1)[0] + "/mlflow"
        Registry(uri, str(tmp_path / "artifacts")).names()
        with ThreadPoolExecutor(2) as pool:
            versions = list(pool.map(Registry(uri, str(tmp_path / "artifacts")).register, made))
        assert {each.version for each in versions} == {1, 2}
        found = Registry(uri, str(tmp_path / "artifacts")).versions("kept")
        assert {each.version.manifest_sha256 for each in found} == {each.manifest_sha256 for each in versions}
        assert found[0].metrics["hold_out_roc_auc"] == pytest.approx(0.84)
