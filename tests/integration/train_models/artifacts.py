"""Artifacts for tests of the registry, which looks into their manifests alone."""

from __future__ import annotations

from pathlib import Path

from headrace.models.inputs import Input
from headrace.models.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, encode_manifest

CREATED = 1_700_000_000_000_000


def write_folder(folder: Path, name: str, *, score: float = 0.84, seed: int = 1) -> Path:
    """A folder as a training leaves it; another seed makes another artifact."""
    folder.mkdir(parents=True)
    manifest = Manifest(
        name=name,
        task="classification",
        created=CREATED,
        inputs=(Input("age", "number"),),
        label="churned",
        files={},
        data_sha256="d" * 64,
        data_rows=1_000,
        code="0.1.0+abc",
        libraries={"scikit-learn": "1.9.1"},
        seed=seed,
        algorithm="logistic",
        content_sha256="c" * 64,
        positive="Yes",
        threshold=0.4,
        params={"C": 0.5, "penalty": "l2"},
        metrics={"hold_out_roc_auc": score, "cv_roc_auc_mean": 0.845},
        about="Who leaves",
    )
    (folder / MANIFEST_FILE).write_bytes(encode_manifest(manifest))
    (folder / SIGNATURE_FILE).write_bytes(b"s" * 64)
    (folder / "card.md").write_text(f"# {name}\n\nWho leaves, seed {seed}.\n")
    (folder / "report.html").write_text("<h1>Report</h1>")
    (folder / "model.onnx").write_bytes(b"model")
    return folder
