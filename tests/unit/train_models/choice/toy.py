"""Small rows and model files to choose with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from headrace.models.inputs import Input
from headrace.models.manifest import Task
from train_models.choice.plan import Build, Plan, plan_of
from train_models.features.feature_spec import Features
from train_models.features.pipeline import build_pipeline
from train_models.model_file import ModelFile
from train_models.training_result import TrainingRows

Seen = list[tuple[str, frozenset[float]]]
INPUTS = (Input("a", "number"), Input("b", "number"), Input("kind", "category", levels=("x", "y", "z")))


def toy_rows(count: int, task: Task = "classification", *, seed: int = 0, positive: float = 0.4) -> TrainingRows:
    """Rows whose target depends on all three inputs, with noise and some gaps."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    kind = random.choice(["x", "y", "z"], count)
    value = 1.5 * a - b + (kind == "x") + random.normal(size=count)
    is_positive = value > np.quantile(value, 1 - positive)
    target = is_positive.astype(np.int8) if task == "classification" else value * 1_000 + 50_000
    a[random.random(count) < 0.05] = np.nan
    frame = pd.DataFrame({"a": a, "b": b, "kind": kind.astype(object)})
    return TrainingRows(INPUTS, frame, target, np.array([str(row) for row in range(count)], dtype=object))


def model_file(task: Task = "classification", **parts: Any) -> ModelFile:
    """A model file with these parts; one plain linear candidate where none are given."""
    content: dict[str, Any] = {
        "name": "toy",
        "task": task,
        "data": {"files": "toy.csv", "label": "target", "positive": 1},
        "inputs": {field.name: field.kind for field in INPUTS},
        "validation": {"folds": 3, "inner_folds": 2},
        "candidates": [{"algorithm": "logistic" if task == "classification" else "linear"}],
    }
    return ModelFile.model_validate({**content, **parts})


def toy_build() -> Build:
    """The real pipeline around an algorithm; made here, so that it can be sent to another process."""

    def build(estimator: Any, needs_scaling: bool) -> Pipeline:
        return build_pipeline(Features(), INPUTS, estimator, needs_scaling=needs_scaling)

    return build


class Recorder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Passes the frame on, and notes which rows (by input b, a number of their own) it is fitted and used on."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def fit(self, frame: Any, target: Any = None) -> "Recorder":
        self.fitted_on_ = frozenset(frame["b"])
        self.seen.append(("fit", self.fitted_on_))
        return self

    def transform(self, frame: Any) -> Any:
        self.seen.append(("transform", frozenset(frame["b"])))
        return frame


def recording_build(seen: Seen) -> Build:
    """The real pipeline behind a step that notes what it is given."""

    def build(estimator: Any, needs_scaling: bool) -> Pipeline:
        inner = build_pipeline(Features(), INPUTS, estimator, needs_scaling=needs_scaling)
        return Pipeline([("recorder", Recorder(seen)), *inner.steps])

    return build


def toy_plan(task: Task = "classification", **parts: Any) -> Plan:
    return plan_of(model_file(task, **parts), toy_build())


@contextmanager
def on(backend: str, jobs: int) -> Iterator[None]:
    """Runs joblib's work on a backend."""
    with parallel_config(backend, n_jobs=jobs):
        yield
