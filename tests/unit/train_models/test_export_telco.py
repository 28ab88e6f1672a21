"""Real rows, one by one through the served form, get what scikit-learn gives them in one batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from headrace.models.inputs import Input, columns
from headrace.models.onnx_scorer import OnnxScorer
from headrace.models.scorer import Model, decide
from tests.unit.headrace.models.small_model import manifest
from train_models.features.feature_spec import Features, PcaSpec, RatioSpec
from train_models.features.pipeline import build_features, build_pipeline
from train_models.registry.export_onnx import export_onnx

_NUMBERS = ("tenure", "MonthlyCharges", "TotalCharges")
_PLAIN = Features(ratios=(RatioSpec(of="TotalCharges", by="tenure"),))


@pytest.fixture(scope="module")
def telco(shared_data: Path) -> tuple[tuple[Input, ...], list[dict[str, Any]], pd.DataFrame, Any]:
    """Inputs, rows as requests hold them, the frame that training takes, and the target."""
    (file,) = (shared_data / "tabular" / "ibm-telco-churn").glob("*.csv")
    read = pd.read_csv(file)
    target = (read["Churn"] == "Yes").to_numpy().astype(np.int8)
    read = read.drop(columns=["customerID", "Churn"])
    for name in _NUMBERS:
        read[name] = pd.to_numeric(read[name], errors="coerce")
    inputs = tuple(
        Input(name, "number", nullable=True) if name in _NUMBERS else Input(name, "category") for name in read
    )
    rows = read.astype(object).where(read.notna(), None).to_dict("records")
    return inputs, rows, pd.DataFrame(columns(inputs, rows)), target


def boosted() -> LGBMClassifier:
    return LGBMClassifier(n_estimators=300, learning_rate=0.03, num_leaves=15, verbose=-1, n_jobs=1, random_state=1)


ALGORITHMS: dict[str, tuple[Features, Any, bool]] = {
    "lightgbm": (_PLAIN, boosted(), False),
    "lightgbm on components": (Features(pca=PcaSpec(keep=0.95)), boosted(), False),
    "logistic": (_PLAIN, LogisticRegression(max_iter=1_000), True),
    "histogram boosting": (_PLAIN, HistGradientBoostingClassifier(max_iter=60, random_state=1), False),
    "forest on components": (Features(pca=PcaSpec(keep=10)), RandomForestClassifier(20, random_state=1), False),
    "average": (
        _PLAIN,
        VotingClassifier([("a", boosted()), ("b", LogisticRegression(max_iter=1_000))], voting="soft"),
        True,
    ),
    "isotonic": (_PLAIN, CalibratedClassifierCV(boosted(), method="isotonic", ensemble=False, cv=2), False),
    "sigmoid": (_PLAIN, CalibratedClassifierCV(boosted(), method="sigmoid", ensemble=False, cv=2), False),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_row_alone_gets_the_batch_result(name: str, telco: Any) -> None:
    inputs, rows, frame, target = telco
    spec, estimator, scaling = ALGORITHMS[name]
    fitted = build_pipeline(spec, inputs, estimator, needs_scaling=scaling).fit(frame, target)
    expected = fitted.predict_proba(frame)[:, 1]
    # The hardest threshold: a score that rows have.
    threshold = float(np.sort(expected)[len(expected) * 3 // 4])
    served = Model(manifest(inputs=inputs, threshold=threshold), OnnxScorer(export_onnx(fitted, inputs), inputs))
    batch = served.predict(rows)
    # All of them once, as each algorithm has the same way in.
    some = range(0, len(rows), 1 if name == "lightgbm" else 20)
    alone = [served.predict([rows[at]]) for at in some]
    assert np.abs(batch.scores - expected).max() <= 1e-6
    assert np.abs(np.array([each.scores[0] for each in alone]) - expected[some]).max() <= 1e-6
    decisions = decide(expected, threshold)
    assert batch.decisions is not None
    assert (batch.decisions == decisions).all()
    assert [bool(each.decisions[0]) for each in alone if each.decisions is not None] == list(decisions[some])


def test_features_of_the_real_rows_have_names(telco: Any) -> None:
    inputs, _, frame, _ = telco
    steps = build_features(_PLAIN, inputs, needs_scaling=False).fit(frame)
    names = list(steps.get_feature_names_out())
    assert len(names) == len(set(names)) == steps.transform(frame.head()).shape[1]
    assert {"TotalCharges by tenure", "Contract_Two year", "missingindicator_TotalCharges"} <= set(names)
