"""An artifact in a bucket is loaded after the same checks as one in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from headrace.errors import TransientError
from headrace.models.artifact import ArtifactError, load_artifact
from tests.unit.headrace.models.small_model import KEY, write_small

pytestmark = [
    pytest.mark.integration,
    # botocore still asks for the time without a zone.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """A client and the address of the small model's artifact in a new bucket; the environment says how to reach it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("s3")
    name = f"models-{uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)
    write_small(tmp_path / "v1")
    for path in (tmp_path / "v1").iterdir():
        client.put_object(Bucket=name, Key=f"churn/1/{path.name}", Body=path.read_bytes())
    try:
        yield client, name
    finally:
        server.stop()


def load(uri: str, tmp_path: Path) -> str:
    scratch = tmp_path / "scratch"
    return load_artifact(uri, manifest_sha256=None, public_keys=[KEY.public_key()], scratch=scratch).manifest.name


def test_artifact_in_a_bucket(bucket: tuple[Any, str], tmp_path: Path) -> None:
    client, name = bucket
    assert load(f"s3://{name}/churn/1", tmp_path) == "churn"
    client.put_object(Bucket=name, Key="churn/1/more.pkl", Body=b"x")
    with pytest.raises(ArtifactError, match=r"more\.pkl"):
        load(f"s3://{name}/churn/1", tmp_path)
    with pytest.raises(ArtifactError, match="there is no artifact"):
        load(f"s3://{name}/churn/2", tmp_path)


def test_a_store_that_does_not_answer(bucket: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(TransientError, match="doesn't answer"):
        load(f"s3://{bucket[1]}/churn/1", tmp_path)
