"""A small fitted model and its artifact, for tests of what loads and refuses them."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from headrace.models.inputs import Input
from headrace.models.manifest import Manifest
from train_models.features.feature_spec import Features
from train_models.features.pipeline import build_pipeline
from train_models.registry.export_onnx import export_onnx
from train_models.registry.export_skops import export_skops
from train_models.registry.write_artifact import write_artifact

KEY = Ed25519PrivateKey.generate()
INPUTS = (Input("Call  Failure", "number", nullable=True), Input("plan", "category", levels=("basic", "plus")))


def rows_and_target(count: int = 60) -> tuple[pd.DataFrame, Any]:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "Call  Failure": random.normal(size=count),
            "plan": random.choice(np.array(["basic", "plus"], dtype=object), count),
        }
    )
    frame["plan"] = frame["plan"].astype(object)
    return frame, (frame["Call  Failure"] > 0).to_numpy().astype(np.int8)


@cache
def fitted() -> Pipeline:
    """A logistic regression."""
    return _fit(LogisticRegression())


@cache
def fitted_neighbours() -> Pipeline:
    """Which has no ONNX form."""
    return _fit(KNeighborsClassifier(3))


@cache
def onnx_bytes() -> bytes:
    return export_onnx(fitted(), INPUTS)


@cache
def skops_bytes() -> bytes:
    return export_skops(fitted())


@cache
def skops_bytes_of_neighbours() -> bytes:
    return export_skops(fitted_neighbours())


def _fit(estimator: Any) -> Pipeline:
    frame, target = rows_and_target()
    made = build_pipeline(Features(rare=2), INPUTS, estimator, needs_scaling=True)
    return made.fit(frame, target)


def manifest(**changes: Any) -> Manifest:
    facts: dict[str, Any] = {
        "name": "churn",
        "task": "classification",
        "created": 1_700_000_000_000_000,
        "inputs": INPUTS,
        "label": "left",
        "files": {},
        "data_sha256": "0" * 64,
        "data_rows": 60,
        "code": "test",
        "libraries": {},
        "seed": 1,
        "algorithm": "logistic",
        "content_sha256": "0" * 64,
        "positive": "yes",
        "threshold": 0.5,
        "typical": {"Call  Failure": 0.0, "plan": "basic"},
    }
    return Manifest(**(facts | changes))


def write_small(folder: Path, files: dict[str, bytes] | None = None, **changes: Any) -> str:
    """The artifact of the small model, or of other files under its manifest; its manifest's hash."""
    content = {"model.onnx": onnx_bytes(), "card.md": b"# A card\n"} if files is None else files
    return write_artifact(folder, manifest(**changes), content, KEY)
