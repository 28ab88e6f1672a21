"""Artifacts are fetched from folders and from object stores, and no more of them than is allowed."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from headrace.errors import ConfigurationError
from headrace.models.artifact import ArtifactError, load_artifact
from headrace.models.store import fetch, local_folder
from tests.unit.headrace.models.small_model import KEY, write_small


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[str]:
    """The small model's artifact in fsspec's store in memory."""
    write_small(tmp_path / "v1")
    root = f"/models-{uuid4().hex}"
    store = fsspec.filesystem("memory")
    for path in (tmp_path / "v1").iterdir():
        store.pipe(f"{root}/v1/{path.name}", path.read_bytes())
    yield f"memory:/{root}/v1"
    store.rm(root, recursive=True)


def test_from_an_object_store(stored: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    artifact = load_artifact(stored, manifest_sha256=None, public_keys=[KEY.public_key()], scratch=scratch)
    assert artifact.manifest.name == "churn"
    assert list(scratch.iterdir()) == []


def test_what_is_there_is_checked(stored: str, tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe(f"{stored.removeprefix('memory:/')}/card.md", b"changed")
    with pytest.raises(ArtifactError, match=r"card\.md was changed"):
        load_artifact(stored, manifest_sha256=None, public_keys=[KEY.public_key()], scratch=tmp_path / "scratch")


def test_none_there(tmp_path: Path) -> None:
    with (
        pytest.raises(ArtifactError, match="there is no artifact at memory://none/v1"),
        fetch("memory://none/v1", tmp_path),
    ):
        pass


@pytest.mark.parametrize("name", ["model.pkl", "more/card.md"])
def test_forbidden_names_are_not_fetched(stored: str, tmp_path: Path, name: str) -> None:
    fsspec.filesystem("memory").pipe(f"{stored.removeprefix('memory:/')}/{name}", b"x")
    with pytest.raises(ArtifactError), fetch(stored, tmp_path / "scratch"):
        pass
    assert list((tmp_path / "scratch").iterdir()) == []


def test_size_is_bounded_while_it_is_fetched(stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.models.store.MAX_BYTES", 500)
    with pytest.raises(ArtifactError, match="larger than"), fetch(stored, tmp_path / "scratch"):
        pass


@pytest.mark.parametrize("uri", ["gs://bucket/v1", "nosuchstore://bucket/v1"])
def test_no_driver(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ConfigurationError, match=uri), fetch(uri, tmp_path):
        pass


def test_addresses_of_this_machine() -> None:
    assert local_folder("/models/v 1") == Path("/models/v 1")
    assert local_folder("models/v1") == Path("models/v1")
    assert local_folder("file:///models/v%201") == Path("/models/v 1")
    assert local_folder("file:/models/v1") == Path("/models/v1")
    assert local_folder("s3://models/v1") is None
    with pytest.raises(ArtifactError, match="names another machine"):
        local_folder("file://elsewhere/models")
