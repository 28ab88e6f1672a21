"""A model of two inputs, one of which tells the target: weak without it, strong with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from headrace.models.inputs import Input
from headrace.models.manifest import Manifest
from headrace.models.records import ModelVersion
from headrace.models.signing import create_key_pair, read_signing_key
from train_models.registry.export_model import export_model
from train_models.registry.hold_out import hold_out_of, write_hold_out
from train_models.registry.mlflow_registry import Registry
from train_models.registry.write_artifact import write_artifact
from train_models.settings import Settings
from train_models.training_result import TrainingResult, TrainingRows

INPUTS = (Input("signal", "number"), Input("noise", "number"))
_ROWS, _HELD = 1_000, 400
_FILE = """
task: classification
data: {{files: rows.csv, label: left, positive: 1, id: customer}}
inputs: {{signal: number, noise: number}}
candidates: [{{algorithm: logistic}}]
gates: {{least: {{roc_auc: {least}}}}}
"""


class Toy:
    """One model's file, trainings and versions, in a folder of its own."""

    def __init__(self, settings: Settings, registry: Registry, name: str) -> None:
        self.settings = settings
        self.registry = registry
        self.name = name
        self.write_file()
        if not settings.signing_key_file.exists():
            create_key_pair(settings.signing_key_file, settings.public_keys_file)
        random = np.random.default_rng(1)
        frame = pd.DataFrame({"signal": random.normal(0, 1, _ROWS), "noise": random.normal(0, 1, _ROWS)})
        target = (frame["signal"] + random.normal(0, 1, _ROWS) > 0).to_numpy().astype(np.int8)
        self.rows = TrainingRows(INPUTS, frame, target, np.array([f"c{at}" for at in range(_ROWS)], dtype=object))

    def write_file(self, least: float = 0.1) -> None:
        """The model file, with the least ROC-AUC that its gates ask."""
        self.settings.models.mkdir(parents=True, exist_ok=True)
        (self.settings.models / f"{self.name}.yaml").write_text(_FILE.format(least=least))

    def train(self, *columns: str) -> ModelVersion:
        """A version that looks at these inputs alone."""
        result = self._fit(columns)
        exported = export_model(
            result.fitted, INPUTS, result.rows.frame, task="classification", algorithm="logistic", threshold=0.5
        )
        manifest = Manifest(
            name=self.name,
            task="classification",
            created=1_700_000_000_000_000,
            inputs=INPUTS,
            label="left",
            files={},
            data_sha256="d" * 64,
            data_rows=_ROWS,
            code="test",
            libraries={},
            seed=1,
            algorithm="logistic",
            content_sha256=exported.content_sha256,
            positive="1",
            threshold=0.5,
            metrics={"hold_out_roc_auc": 0.7 if "signal" in columns else 0.5},
        )
        files = {"card.md": f"# {self.name}\n\nLooks at {columns}.".encode(), "report.html": b"<h1>Report</h1>"}
        folder = self.settings.data / "made" / f"{self.name}-{'-'.join(columns)}"
        key = read_signing_key(self.settings.signing_key_file)
        fingerprint = write_artifact(folder, manifest, {**exported.files, **files}, key)
        write_hold_out(hold_out_of(result, has_ids=True), self.settings.runs / fingerprint)
        return self.registry.register(folder)

    def _fit(self, columns: tuple[str, ...]) -> TrainingResult:
        development, hold_out = np.arange(_HELD, _ROWS), np.arange(_HELD)
        features = ColumnTransformer([("numbers", StandardScaler(), list(columns))])
        fitted = Pipeline([("features", features), ("algorithm", LogisticRegression())])
        fitted.fit(self.rows.frame.iloc[development], self.rows.target[development])
        scores = {
            "logistic": fitted.predict_proba(self.rows.frame.iloc[hold_out])[:, 1],
            "majority": np.full(len(hold_out), self.rows.target[development].mean()),
        }
        return TrainingResult(
            self.rows, development, hold_out, "roc_auc", (), "logistic", fitted, 0.5, None, hold_out_scores=scores
        )
