"""Small trainings, made by hand with scikit-learn alone, to be judged."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from headrace.models.inputs import Input
from headrace.models.manifest import Task
from train_models.judging.importance import scores_of
from train_models.judging.report_facts import ReportFacts
from train_models.model_file import ModelFile
from train_models.training_result import CandidateResult, FoldScores, TrainingResult, TrainingRows

Make = Callable[[], Any]

FACTS = ReportFacts(
    data_sha256="ab" * 32,
    data_rows=720,
    source="files customers.csv",
    code="0.8.0, commit 0123abc",
    libraries={"scikit-learn": "1.9.1"},
    content_sha256="cd" * 32,
    created=1_795_000_000_000_000,
    left_out={"no label": 7},
)


def small_file(task: Task, names: tuple[str, str] = ("use", "plan"), **more: Any) -> ModelFile:
    """A model file of one number and one category."""
    kinds = dict(zip(names, ("number", "category"), strict=True))
    data = {"files": "customers.csv", "label": "gone", **({"positive": "Yes"} if task == "classification" else {})}
    content = {"name": "small", "task": task, "data": data, "inputs": kinds, "slices": names}
    return ModelFile.model_validate({**content, "candidates": [{"algorithm": "linear"}], **more})


def small_result(
    task: Task, names: tuple[str, str] = ("use", "plan"), levels: tuple[str, str, str] = ("a", "b", "rare"), **more: Any
) -> TrainingResult:
    """720 rows of which the number tells much, and the chosen `good` beside the baseline `naive`.

    Where the category is its second level, the target is noise; its third level is rare.
    """
    random = np.random.default_rng(1)
    number, plan = random.normal(size=720), random.choice(levels, size=720, p=[0.6, 0.37, 0.03])
    told = np.where(plan == levels[1], 0.0, 2.0 * number) + random.normal(size=720)
    target = (told > 0.5).astype(np.int8) if task == "classification" else 100 * told
    frame = pd.DataFrame({names[0]: number, names[1]: plan.astype(object)})
    inputs = (Input(names[0], "number"), Input(names[1], "category", levels=levels))
    rows = TrainingRows(inputs, frame, target, np.arange(720).astype(str))
    return _trained(rows, task, **more)


def _trained(rows: TrainingRows, task: Task, **more: Any) -> TrainingResult:
    order = np.random.default_rng(2).permutation(len(rows))
    development, hold_out = np.sort(order[:480]), np.sort(order[480:])
    known = rows.take(development)
    naive: Make = DummyClassifier if task == "classification" else DummyRegressor
    good: Make = lambda: _pipeline(rows, task)  # noqa: E731
    fitted = {name: make().fit(known.frame, known.target) for name, make in (("good", good), ("naive", naive))}
    held = rows.take(hold_out).frame
    parts: dict[str, Any] = {
        "rows": rows,
        "development": development,
        "hold_out": hold_out,
        "metric": "roc_auc" if task == "classification" else "rmse",
        "candidates": (_candidate("naive", naive, known), _candidate("good", good, known)),
        "chosen": "good",
        "fitted": fitted["good"],
        "threshold": 0.4 if task == "classification" else None,
        "calibration": "none" if task == "classification" else None,
        "hold_out_scores": {name: scores_of(each, held) for name, each in fitted.items()},
        "learning_curve": ((100, 0.7, 0.02), (480, 0.8, 0.01)),
    }
    return TrainingResult(**{**parts, **more})


def _pipeline(rows: TrainingRows, task: Task) -> Pipeline:
    number, plan = rows.frame.columns
    columns = make_column_transformer(
        ("passthrough", [number]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), [plan])
    )
    return make_pipeline(columns, LogisticRegression() if task == "classification" else Ridge())


def _candidate(name: str, make: Make, rows: TrainingRows) -> CandidateResult:
    folds = []
    for at, (train, test) in enumerate(KFold(5, shuffle=True, random_state=3).split(rows.target)):
        fitted = make().fit(rows.frame.iloc[train], rows.target[train])
        folds.append(FoldScores(0, at, test, scores_of(fitted, rows.frame.iloc[test])))
    return CandidateResult(name, f"of {name}", {"alpha": 1.0}, name == "naive", tuple(folds), 0.5)
