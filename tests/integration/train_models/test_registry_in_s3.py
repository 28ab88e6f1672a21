"""Artifacts in a bucket: MLflow puts a version there, and whoever serves it takes it from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from headrace.models.artifact import load_artifact
from tests.unit.headrace.models.small_model import KEY, write_small
from train_models.registry.mlflow_registry import Registry

pytestmark = [
    pytest.mark.integration,
    # botocore still asks for the time without a zone.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket; the environment says how to reach it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "trainer",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("s3")
    client.create_bucket(Bucket="models")
    try:
        yield "models"
    finally:
        server.stop()


def test_a_version_in_a_bucket_is_served_from_there(bucket: str, tmp_path: Path) -> None:
    write_small(tmp_path / "made")
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", f"s3://{bucket}/artifacts")
    version = registry.register(tmp_path / "made")
    assert version.uri.startswith(f"s3://{bucket}/artifacts/churn/")
    assert registry.fetch(registry.version("churn"), "manifest.json", tmp_path / "fetched").is_file()
    artifact = load_artifact(
        version.uri,
        manifest_sha256=version.manifest_sha256,
        public_keys=[KEY.public_key()],
        scratch=tmp_path / "scratch",
    )
    assert artifact.manifest.name == "churn"
