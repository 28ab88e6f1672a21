"""A boosted churn model as it is served: the columns of IBM's Telco data, its rows or made ones, a signed artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lightgbm import LGBMClassifier

from headrace.models.inputs import Input, columns
from headrace.models.manifest import ONNX_FILE, Manifest, sha256
from headrace.models.records import ModelVersion, Value
from train_models.features.feature_spec import Features
from train_models.features.pipeline import build_pipeline
from train_models.registry.export_onnx import export_onnx
from train_models.registry.write_artifact import write_artifact

Row = dict[str, Value]
NAME = "churn"
REAL_ROWS = Path("tabular/ibm-telco-churn/Telco-Customer-Churn.csv")
"""Below ../shared/data."""
_YES_NO = ("Yes", "No")
_SERVICE = ("Yes", "No", "No internet service")
_LEVELS: dict[str, tuple[str, ...]] = {
    "gender": ("Female", "Male"),
    "Partner": _YES_NO,
    "Dependents": _YES_NO,
    "PhoneService": _YES_NO,
    "MultipleLines": ("Yes", "No", "No phone service"),
    "InternetService": ("DSL", "Fiber optic", "No"),
    **dict.fromkeys(
        ("OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"),
        _SERVICE,
    ),
    "Contract": ("Month-to-month", "One year", "Two year"),
    "PaperlessBilling": _YES_NO,
    "PaymentMethod": ("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
}
INPUTS = (
    *(Input(name, "category", levels=levels) for name, levels in _LEVELS.items()),
    Input("SeniorCitizen", "boolean"),
    Input("tenure", "number", minimum=0),
    Input("MonthlyCharges", "number", minimum=0),
    Input("TotalCharges", "number", nullable=True),
)


@dataclass(frozen=True)
class Fitted:
    """A fitted model and the rows that it was fitted on.

    Attributes:
        probabilities: of the rows, as the fitted object says, (n,).
    """

    rows: list[Row]
    pipeline: Any
    probabilities: np.ndarray[Any, Any]
    threshold: float

    def artifact(
        self, folder: Path, key: Ed25519PrivateKey, version: int, threshold: float | None = None
    ) -> ModelVersion:
        """Writes it as a version."""
        onnx = export_onnx(self.pipeline, INPUTS)
        typical: Row = {field.name: field.levels[0] if field.levels else 1.0 for field in INPUTS}
        manifest = Manifest(
            name=NAME,
            task="classification",
            created=1_769_860_800_000_000,
            inputs=INPUTS,
            label="Churn",
            files={},
            data_sha256=sha256(repr(self.rows).encode()),
            data_rows=len(self.rows),
            code="loadtest",
            libraries={},
            seed=0,
            algorithm="lightgbm",
            content_sha256=sha256(onnx),
            positive="Yes",
            threshold=self.threshold if threshold is None else threshold,
            typical={**typical, "SeniorCitizen": False},
        )
        digest = write_artifact(folder, manifest, {ONNX_FILE: onnx}, key)
        return ModelVersion(version, str(folder), digest)


def made_rows(count: int, seed: int = 0) -> tuple[list[Row], np.ndarray[Any, Any]]:
    """Rows that look like IBM's, and whether each customer left, which their contract, tenure and charges decide."""
    random = np.random.default_rng(seed)
    drawn: dict[str, Any] = {name: random.choice(levels, count) for name, levels in _LEVELS.items()}
    drawn["SeniorCitizen"] = random.random(count) < 0.16
    drawn["tenure"] = random.integers(0, 73, count).astype(float)
    drawn["MonthlyCharges"] = random.uniform(18, 119, count).round(2)
    drawn["TotalCharges"] = (drawn["tenure"] * drawn["MonthlyCharges"]).round(2)
    risk = (drawn["Contract"] == "Month-to-month") * 1.8 - drawn["tenure"] / 30 + drawn["MonthlyCharges"] / 60
    left = (random.random(count) < 1 / (1 + np.exp(1.8 - risk))).astype(np.int8)
    lists = {name: values.tolist() for name, values in drawn.items()}
    rows: list[Row] = [{name: lists[name][at] for name in lists} for at in range(count)]
    for at in np.flatnonzero(drawn["tenure"] == 0):
        rows[at]["TotalCharges"] = None
    return rows, left


def real_rows(path: Path) -> tuple[list[Row], np.ndarray[Any, Any]]:
    """IBM's rows."""
    frame = pd.read_csv(path)
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    frame["SeniorCitizen"] = frame["SeniorCitizen"] == 1
    names = [field.name for field in INPUTS]
    found = frame[names].astype(object).where(frame[names].notna(), None)
    rows: list[Row] = found.to_dict("records")
    return rows, (frame["Churn"] == "Yes").to_numpy(dtype=np.int8)


def fit(rows: Sequence[Row], target: np.ndarray[Any, Any], trees: int = 150, seed: int = 0) -> Fitted:
    """LightGBM on one-hot and scaled features, on one thread."""
    model = LGBMClassifier(
        n_estimators=trees, num_leaves=15, learning_rate=0.05, n_jobs=1, random_state=seed, verbose=-1
    )
    frame = pd.DataFrame(columns(INPUTS, rows))
    pipeline = build_pipeline(Features(), INPUTS, model, needs_scaling=False).fit(frame, target)
    found = pipeline.predict_proba(frame)[:, 1]
    return Fitted(list(rows), pipeline, found, float(np.quantile(found, 0.7)))
