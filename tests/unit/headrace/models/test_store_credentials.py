"""A store that refused is asked with the credentials of today at the next try."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from headrace.models.deployments import Deployments
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import ModelVersion, Promotion
from headrace.models.swap import REFUSED_RETRY_S, Swap
from headrace.models.version_loader import VersionLoader
from tests.served_models import ModelMaker

NOW = "good"


class Guarded(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store that reads its credential once, as those of object stores do."""

    protocol = "guarded"
    cachable = True
    credential = NOW

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._credential = Guarded.credential

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return f"/{path.removeprefix('guarded:').strip('/')}"

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if self._credential != NOW:
            raise PermissionError("ExpiredToken")
        return super().ls(path, detail, **options)


@pytest.fixture
def guarded() -> Iterator[None]:
    fsspec.register_implementation("guarded", Guarded, clobber=True)
    yield
    Guarded.credential = NOW


@pytest.mark.usefixtures("guarded")
def test_an_expired_credential_that_was_renewed_counts_without_a_new_promotion(tmp_path: Path) -> None:
    maker = ModelMaker(tmp_path)
    version = maker.make()
    store, root = MemoryFileSystem(), "/guarded-models/v1"
    for path in Path(version.uri).iterdir():
        store.pipe(f"{root}/{path.name}", path.read_bytes())
    stored = ModelVersion(version.version, f"guarded:/{root}", version.manifest_sha256)
    deployments: Deployments[LoadedVersion] = Deployments()
    swap = Swap(VersionLoader(maker.keys, "KEYS", tmp_path / "scratch").load, deployments)
    promotion = Promotion("usage", 1, stored, 1)
    Guarded.credential = "expired"
    assert swap.apply(promotion) == REFUSED_RETRY_S
    assert "check its credentials" in deployments.promoted("usage").problems["champion"]
    Guarded.credential = NOW
    assert swap.apply(promotion) is None
    assert deployments.promoted("usage").champion.number == 1
    store.rm("/guarded-models", recursive=True)
