"""The ONNX form of each algorithm answers as the fitted object does, row for row and in batches."""

from functools import cache
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline as ResamplingPipeline
from imblearn.under_sampling import RandomUnderSampler
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.svm import SVC, SVR

from headrace.models.inputs import Input
from headrace.models.manifest import Task
from headrace.models.onnx_check import OPERATORS
from headrace.models.onnx_scorer import OnnxScorer
from headrace.models.steps.calibrated import Calibrated
from train_models.features.feature_spec import Features, PcaSpec, RatioSpec, RotationSpec
from train_models.features.pipeline import build_pipeline
from train_models.registry.export_onnx import NotExportable, export_onnx
from train_models.registry.parity import check_parity, fitted_scores, frame_columns

INPUTS = (
    Input("Call  Failure", "number", nullable=True),
    Input("size", "number"),
    Input("ok", "boolean", nullable=True),
    Input("when", "time", nullable=True),
    Input("plan", "category"),
    Input("grade", "category"),
)
SPEC: dict[str, Any] = {
    "rare": 12,
    "ordinal": {"grade": ("low", "high")},
    "log": ("size",),
    "ratios": (RatioSpec(of="Call  Failure", by="size"),),
    "rotations": (RotationSpec(columns=("Call  Failure", "size")),),
    "dates": {"when": ("year", "month", "day", "weekday", "hour", "days")},
}


def rows(count: int = 240, seed: int = 5) -> tuple[pd.DataFrame, Any]:
    random = np.random.default_rng(seed)
    levels = np.array(["a", "b", "c", "ü \N{SNOWMAN}", ""], dtype=object)
    frame = pd.DataFrame(
        {
            # Few distinct values, so that thresholds fall on what rows hold.
            "Call  Failure": np.round(random.normal(size=count), 1),
            "size": np.round(random.exponential(50, size=count)) * 0.1,
            "ok": random.integers(0, 2, count).astype(np.float64),
            "when": 1.7e9 + random.integers(0, 10**8, count).astype(np.float64),
            "plan": pd.Series(levels[random.choice(5, count, p=[0.4, 0.3, 0.2, 0.06, 0.04])], dtype=object),
            "grade": pd.Series(
                np.array(["low", "high", "?"], dtype=object)[random.integers(0, 3, count)], dtype=object
            ),
        }
    )
    target = frame["Call  Failure"] * 2 + frame["ok"] + (frame["plan"] == "b") + random.normal(size=count)
    for name in ("Call  Failure", "ok", "when"):
        frame.loc[random.random(count) < 0.1, name] = np.nan
    return frame, target.to_numpy()


FRAME, VALUES = rows()
CLASSES = (VALUES > 0.5).astype(np.int8)
QUIET: dict[str, Any] = {"n_estimators": 12, "verbose": -1, "n_jobs": 1, "min_child_samples": 5}


def piped(estimator: Any, *, scaling: bool = False, **spec: Any) -> Any:
    return build_pipeline(Features(**(SPEC | spec)), INPUTS, estimator, needs_scaling=scaling)


def resampled(estimator: Any) -> Any:
    steps = piped(estimator).steps
    return ResamplingPipeline([steps[0], ("resampling", RandomUnderSampler(random_state=1)), steps[1]])


def calibrated(method: Any, points_x: list[float], points_y: list[float]) -> Any:
    inner = piped(LGBMClassifier(**QUIET)).fit(FRAME, CLASSES)
    return Calibrated(inner, method, np.array(points_x), np.array(points_y))


CLASSIFIERS: dict[str, Any] = {
    "majority": piped(DummyClassifier()),
    "most frequent": piped(DummyClassifier(strategy="most_frequent")),
    "logistic": piped(LogisticRegression(max_iter=500), scaling=True),
    "forest": piped(RandomForestClassifier(8, random_state=1)),
    "boosting": piped(HistGradientBoostingClassifier(max_iter=12, random_state=1)),
    "lightgbm": piped(LGBMClassifier(**QUIET)),
    "balanced": piped(LGBMClassifier(class_weight="balanced", **QUIET)),
    "components": piped(LGBMClassifier(**QUIET), pca=PcaSpec(keep=0.9)),
    "components of some": piped(
        RandomForestClassifier(8, random_state=1), pca=PcaSpec(keep=2, columns=("plan", "size"))
    ),
    "average": piped(
        VotingClassifier(
            [("a", LGBMClassifier(**QUIET)), ("b", LogisticRegression(max_iter=500))], voting="soft", weights=[2, 1]
        ),
        scaling=True,
    ),
    "average of pipelines": VotingClassifier(
        [("a", piped(LGBMClassifier(**QUIET))), ("b", piped(DummyClassifier()))], voting="soft"
    ),
    "resampled": resampled(LGBMClassifier(**QUIET)),
    "isotonic": CalibratedClassifierCV(
        piped(HistGradientBoostingClassifier(max_iter=12)), method="isotonic", ensemble=False, cv=3
    ),
    "sigmoid": CalibratedClassifierCV(piped(LogisticRegression(max_iter=500), scaling=True), ensemble=False, cv=3),
    "calibrated in folds": CalibratedClassifierCV(piped(LGBMClassifier(**QUIET)), method="isotonic", cv=3),
    "calibrated forest": piped(CalibratedClassifierCV(RandomForestClassifier(5, random_state=1), ensemble=False, cv=3)),
    "svm": piped(CalibratedClassifierCV(SVC(), ensemble=False, cv=3), scaling=True),
    "linear svm": piped(CalibratedClassifierCV(SVC(kernel="linear"), ensemble=False, cv=3), scaling=True),
    "our sigmoid": calibrated("sigmoid", [1.3], [-0.2]),
    "our isotonic": calibrated("isotonic", [0.1, 0.2, 0.5, 0.9], [0.0, 0.3, 0.3, 1.0]),
    "our isotonic of two": calibrated("isotonic", [0.3, 0.6], [0.2, 0.7]),
    "frozen": CalibratedClassifierCV(FrozenEstimator(piped(LGBMClassifier(**QUIET)).fit(FRAME, CLASSES)), cv=3),
}
REGRESSIONS: dict[str, Any] = {
    "mean": piped(DummyRegressor()),
    "linear": piped(LinearRegression(), scaling=True),
    "ridge": piped(Ridge(), scaling=True),
    "lasso": piped(Lasso(alpha=0.1), scaling=True),
    "elastic net": piped(ElasticNet(alpha=0.1), scaling=True),
    "forest": piped(RandomForestRegressor(8, random_state=1)),
    "boosting": piped(HistGradientBoostingRegressor(max_iter=12, random_state=1)),
    "boosting of counts": piped(HistGradientBoostingRegressor(loss="poisson", max_iter=12)),
    "lightgbm": piped(LGBMRegressor(**QUIET)),
    "lightgbm of counts": piped(LGBMRegressor(objective="poisson", **QUIET)),
    "lightgbm as a forest": piped(LGBMRegressor(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5, **QUIET)),
    "lightgbm of absolute errors": piped(LGBMRegressor(objective="mae", **QUIET)),
    "svm": piped(SVR(), scaling=True),
    "average": piped(VotingRegressor([("a", LGBMRegressor(**QUIET)), ("b", Ridge())])),
}


def check(fitted: Any, task: Task) -> None:
    """Over the training rows, rows with unseen levels and values, and huge ones, in a batch and alone."""
    scorer = OnnxScorer(export_onnx(fitted, INPUTS), INPUTS)
    other = rows(100, seed=6)[0]
    other.loc[:20, "plan"] = "never seen"
    other.loc[10:30, "size"] = 1e6
    for frame in (FRAME, other, out_of_proportion()):
        expected = fitted_scores(fitted, frame, task)
        threshold = float(expected[3]) if task == "classification" else None
        parity = check_parity(scorer, frame_columns(INPUTS, frame), expected, threshold=threshold, singles=30)
        assert parity.largest < 1e-9


def out_of_proportion() -> pd.DataFrame:
    """Rows with numbers that a float32 can't hold, whose ratio or rotation is infinite, and with infinity itself."""
    frame = rows(12, seed=7)[0]
    frame["Call  Failure"] = [1e308, -1e308, 1e39, 1e300, -1e300, 1.7e308, -1.7e308, np.inf, -np.inf, np.nan, 0.0, 1.0]
    frame["size"] = [0.0, 1.0, 1e39, 1e-300, 1e-300, 1.7e308, 1.7e308, np.inf, 1.0, 1e308, 1e308, 5e-324]
    frame.loc[3, "when"] = 1e300
    return frame


@cache
def classifier(name: str) -> Any:
    return CLASSIFIERS[name].fit(FRAME, CLASSES)


@cache
def regression(name: str) -> Any:
    return REGRESSIONS[name].fit(FRAME, np.abs(VALUES) if "counts" in name else VALUES)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(name: str) -> None:
    check(classifier(name), "classification")


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name: str) -> None:
    check(regression(name), "regression")


def test_every_operator_that_may_be_loaded_is_written_and_no_other() -> None:
    models = [*map(classifier, CLASSIFIERS), *map(regression, REGRESSIONS)]
    contents = [onnx.load_from_string(export_onnx(model, INPUTS)) for model in models]
    assert {node.op_type for content in contents for node in content.graph.node} == OPERATORS


@pytest.mark.parametrize("estimator", [LGBMClassifier(**QUIET), HistGradientBoostingClassifier(max_iter=12)])
def test_missing_values_that_no_step_fills_go_the_same_way(estimator: Any) -> None:
    frame = FRAME[["Call  Failure", "size"]]
    pipeline = build_pipeline(Features(), INPUTS[:2], estimator, needs_scaling=False)
    pipeline.steps[0] = ("features", _passing())
    pipeline.fit(frame, CLASSES)
    scorer = OnnxScorer(export_onnx(pipeline, INPUTS[:2]), INPUTS[:2])
    gaps = frame.copy()
    # The second had none in training.
    gaps.loc[:50, "size"] = np.nan
    expected = fitted_scores(pipeline, gaps, "classification")
    assert check_parity(scorer, frame_columns(INPUTS[:2], gaps), expected, threshold=None).largest < 1e-9


def _passing() -> Any:
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer([("all", "passthrough", ["Call  Failure", "size"])])


def test_rows_on_a_threshold_go_the_same_way() -> None:
    """A float32 can't tell 16777216 from 16777217, between which these trees split."""
    frame = pd.DataFrame({"size": 16_777_216.0 + np.arange(40) % 2})
    target = (np.arange(40) % 2).astype(np.int8)
    pipeline = build_pipeline(Features(), INPUTS[1:2], LGBMClassifier(**QUIET), needs_scaling=False).fit(frame, target)
    expected = fitted_scores(pipeline, frame, "classification")
    assert expected[0] != expected[1]
    scorer = OnnxScorer(export_onnx(pipeline, INPUTS[1:2]), INPUTS[1:2])
    assert check_parity(scorer, frame_columns(INPUTS[1:2], frame), expected, threshold=0.5).largest < 1e-12


def test_the_same_parameters_give_the_same_bytes() -> None:
    made = [export_onnx(piped(LGBMClassifier(**QUIET)).fit(FRAME, CLASSES), INPUTS) for _ in range(2)]
    assert made[0] == made[1]


def test_an_average_over_the_same_features_has_them_once() -> None:
    one = piped(LogisticRegression(), scaling=True).fit(FRAME, CLASSES)
    two = VotingClassifier([("a", one), ("b", piped(LogisticRegression(C=0.1), scaling=True))], voting="soft")
    sizes = [len(export_onnx(each, INPUTS)) for each in (one, two.fit(FRAME, CLASSES))]
    assert sizes[1] < 1.3 * sizes[0]


def test_what_has_no_exact_form_is_named() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(NotExportable, match="KNeighborsClassifier has no exact ONNX form"):
        export_onnx(piped(KNeighborsClassifier()).fit(FRAME, CLASSES), INPUTS)
    with pytest.raises(NotExportable, match="other than two classes"):
        export_onnx(piped(LogisticRegression(), scaling=True).fit(FRAME, np.arange(len(FRAME)) % 3), INPUTS)
    with pytest.raises(NotExportable, match="objective regression sqrt"):
        export_onnx(piped(LGBMRegressor(reg_sqrt=True, **QUIET)).fit(FRAME, VALUES), INPUTS)
    with pytest.raises(NotExportable, match="linear trees"):
        export_onnx(piped(LGBMRegressor(linear_tree=True, **QUIET)).fit(FRAME, VALUES), INPUTS)
