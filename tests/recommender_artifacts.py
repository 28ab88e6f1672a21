"""Small recommenders as signed artifacts, for tests of what serves them."""

from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headrace.models.manifest import CARD_FILE, RECOMMENDATION, Manifest
from headrace.models.recommender_files import SiteModel, recommender_files
from headrace.models.records import ModelVersion
from headrace.recommend.batch_model import BatchModel, ItemFactors, ItemScores
from train_models.registry.write_artifact import write_artifact

FITTED_UNTIL = 1_700_000_000_000_000


def scores(*items: str, version: int = 0) -> ItemScores:
    """Each item speaks for the one after it, the last for the first."""
    columns = np.array([[(at + 1) % len(items), -1] for at in range(len(items))], np.int32)
    return ItemScores(version, items, columns, np.array([[1.0, 0.0]] * len(items), np.float32))


def factors(*items: str, version: int = 0) -> ItemFactors:
    """Items at even places are alike, and so are those at odd ones."""
    made = np.array([[1.0, 0.1] if at % 2 == 0 else [0.1, 1.0] for at in range(len(items))], np.float32)
    return ItemFactors(version, items, made, 10.0, 0.5)


def recommender_manifest(name: str) -> Manifest:
    return Manifest(
        name=name,
        task=RECOMMENDATION,
        created=FITTED_UNTIL,
        inputs=(),
        label="item",
        files={},
        data_sha256="0" * 64,
        data_rows=9,
        code="test",
        libraries={},
        seed=1,
        algorithm="ease",
        content_sha256="1" * 64,
        metrics={"hold_out_ndcg": 0.25},
    )


def write_recommender(
    folder: Path,
    key: Ed25519PrivateKey,
    model: BatchModel,
    *,
    name: str = "goes_with",
    site: str = "default",
    version: int = 1,
    changed: dict[str, bytes] | None = None,
) -> ModelVersion:
    """Writes an artifact; `changed` files take the place of the right ones and are signed all the same."""
    files = {**recommender_files(SiteModel(site, FITTED_UNTIL, model)), **(changed or {})}
    fingerprint = write_artifact(folder, recommender_manifest(name), {**files, CARD_FILE: b"# goes with\n"}, key)
    return ModelVersion(version, str(folder), fingerprint)
