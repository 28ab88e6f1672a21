"""The form that is served: ONNX, or skops with the reason; its hash; and refusal where it answers otherwise."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures
from sklearn.svm import SVC

from headrace.errors import ConfigurationError
from headrace.models import steps
from headrace.models.inputs import Columns, Input
from headrace.models.skops_scorer import check_skops, load_skops
from headrace.models.skops_types import FAMILIES
from tests.unit.headrace.models.small_model import INPUTS, rows_and_target
from train_models.choice.algorithms import KINDS, How, make
from train_models.choice.calibration import Curve, with_curve
from train_models.features.feature_spec import Features, RatioSpec, RotationSpec
from train_models.features.pipeline import build_pipeline
from train_models.registry.export_model import export_model
from train_models.registry.export_skops import content_sha256, export_skops
from train_models.registry.parity import ParityError, check_parity, fitted_scores, frame_columns

FRAME, TARGET = rows_and_target(80)
EVERY_KIND = (*INPUTS, Input("size", "number"), Input("when", "time"), Input("ok", "boolean"), Input("note", "text"))
EVERY_FRAME = FRAME.assign(
    size=np.arange(80) + 1.0,
    when=1.7e9 + 1e5 * np.arange(80),
    ok=np.arange(80) % 2.0,
    note=np.array(["late again", "all good"] * 40, dtype=object),
).astype({"note": object})
EVERYTHING = Features(
    rare=2,
    hash_text=16,
    log=("size",),
    ratios=(RatioSpec(of="Call  Failure", by="size"),),
    rotations=(RotationSpec(columns=("Call  Failure", "size")),),
)


def fitted(estimator: Any, inputs: tuple[Input, ...] = INPUTS) -> Any:
    return build_pipeline(Features(rare=2), inputs, estimator, needs_scaling=True).fit(FRAME, TARGET)


ESTIMATORS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "random_forest": RandomForestClassifier(4, random_state=1),
    "hist_boosting": HistGradientBoostingClassifier(max_iter=4, random_state=1),
    "lightgbm": LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1),
    "svm": SVC(),
    "knn": KNeighborsClassifier(3),
}


@cache
def skops_of(algorithm: str) -> bytes:
    return export_skops(fitted(ESTIMATORS[algorithm]))


def test_onnx_where_it_is_exact() -> None:
    made = export_model(
        fitted(LogisticRegression()), INPUTS, FRAME, task="classification", algorithm="logistic", threshold=0.5
    )
    assert (made.form, list(made.files), made.reason) == ("onnx", ["model.onnx"], "")
    assert made.parity.rows == 80
    assert made.parity.largest < 1e-12


def test_skops_and_the_reason_where_there_is_no_exact_form() -> None:
    inputs = (*INPUTS[:1], Input("plan", "text"))
    made = export_model(
        fitted(LogisticRegression(), inputs), inputs, FRAME, task="classification", algorithm="logistic"
    )
    assert (made.form, list(made.files)) == ("skops", ["model.skops"])
    assert made.reason == "HashingVectorizer has no exact ONNX form here"


def test_skops_beside_onnx_on_request() -> None:
    model = fitted(LogisticRegression())
    made = export_model(model, INPUTS, FRAME, task="classification", algorithm="logistic", with_skops=True)
    again = load_skops(made.files["model.skops"], "logistic")
    assert list(again.predict_proba(FRAME)[:, 1]) == list(model.predict_proba(FRAME)[:, 1])


@pytest.mark.parametrize("algorithm", ESTIMATORS)
def test_each_family_loads_what_it_is_made_of(algorithm: str) -> None:
    model = load_skops(skops_of(algorithm), algorithm)
    assert list(model.predict(FRAME)) == list(fitted(ESTIMATORS[algorithm]).predict(FRAME))


CURVES = {
    "none": Curve("none", np.zeros(0), np.zeros(0)),
    "sigmoid": Curve("sigmoid", np.array([1.1]), np.array([0.1])),
    "isotonic": Curve("isotonic", np.array([0.0, 1.0]), np.array([0.05, 0.9])),
}


@cache
def fitted_on_every_kind(algorithm: Any) -> Any:
    """With own steps, and with a text, of which there is no ONNX form."""
    few = {name: 4 for name in ("n_estimators", "max_iter") if name in KINDS[algorithm].defaults}
    estimator = make(algorithm, few, How("classification", seed=0, threads=1))
    return build_pipeline(EVERYTHING, EVERY_KIND, estimator, needs_scaling=True).fit(EVERY_FRAME, TARGET)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("algorithm", ESTIMATORS)
def test_each_family_is_served_as_skops_with_each_curve(algorithm: Any, curve: str) -> None:
    served = with_curve(fitted_on_every_kind(algorithm), CURVES[curve])
    again = load_skops(export_skops(served), algorithm)
    assert list(again.predict_proba(EVERY_FRAME)[:, 1]) == list(served.predict_proba(EVERY_FRAME)[:, 1])


def test_our_own_steps_are_allowed_in_each_family() -> None:
    own = {
        f"{module}.{name}"
        for module in (f"{steps.__name__}.{each.name}" for each in iter_modules(steps.__path__))
        for name, kind in vars(import_module(module)).items()
        if isinstance(kind, type) and issubclass(kind, BaseEstimator) and kind.__module__ == module
    }
    own.remove("headrace.models.steps.traced.TracedStep")
    assert len(own) >= 6
    assert all(own <= allowed for allowed in FAMILIES.values())


def test_a_family_refuses_another_ones_types() -> None:
    with pytest.raises(ConfigurationError, match=r"KNeighborsClassifier.*of which no logistic model is made"):
        check_skops(skops_of("knn"), "logistic")
    with pytest.raises(ConfigurationError, match="of which no lightgbm model is made"):
        check_skops(skops_of("random_forest"), "lightgbm")


@pytest.mark.parametrize("step", [PolynomialFeatures(2), FunctionTransformer(np.abs)])
def test_a_step_that_no_model_is_made_of_is_not_exported(step: Any) -> None:
    model = fitted(LogisticRegression())
    model.steps.insert(1, ("more", step))
    model.fit(FRAME.assign(**{"Call  Failure": 1.0}), TARGET)
    with pytest.raises(ConfigurationError, match=f"{type(step).__name__}.*of which no logistic model is made"):
        export_model(model, INPUTS, FRAME, task="classification", algorithm="logistic")


@pytest.mark.parametrize("algorithm", ["random_forest", "hist_boosting", "lightgbm"])
def test_the_same_parameters_have_the_same_hash(algorithm: str) -> None:
    first, again = skops_of(algorithm), export_skops(fitted(ESTIMATORS[algorithm]))
    assert first != again
    assert content_sha256(first) == content_sha256(again)


def test_other_parameters_have_another_hash() -> None:
    hashes = {content_sha256(skops_of("logistic"))}
    hashes.add(content_sha256(export_skops(fitted(LogisticRegression(C=0.5)))))
    model = fitted(LogisticRegression())
    model.steps[-1][1].coef_ = model.steps[-1][1].coef_ + 1e-15
    hashes.add(content_sha256(export_skops(model)))
    assert len(hashes) == 3


class Shifted:
    """A scorer that is off by something at one row."""

    def __init__(self, expected: np.ndarray[Any, Any], row: int, by: float, *, alone: bool = False) -> None:
        self._scores = expected.copy()
        if not alone:
            self._scores[row] += by
        self._alone = by if alone else 0.0

    def score(self, columns: Columns) -> np.ndarray[Any, Any]:
        count = len(columns["Call  Failure"])
        if count == len(self._scores):
            return self._scores
        at = int(np.flatnonzero(FRAME["Call  Failure"].to_numpy() == columns["Call  Failure"][0])[0])
        return self._scores[at : at + 1] + self._alone


def test_a_row_that_differs_is_named() -> None:
    expected = fitted_scores(fitted(LogisticRegression()), FRAME, "classification")
    columns = frame_columns(INPUTS, FRAME)
    assert check_parity(Shifted(expected, 7, 0.0), columns, expected, threshold=0.5).largest == 0
    with pytest.raises(ParityError, match=r"1 of 80 rows scored in a batch differ: row 7 has"):
        check_parity(Shifted(expected, 7, 2e-6), columns, expected, threshold=None)
    with pytest.raises(ParityError, match="scored in a batch differ: row 7"):
        check_parity(Shifted(expected, 7, np.nan), columns, expected, threshold=None)
    with pytest.raises(ParityError, match="scored alone differ"):
        check_parity(Shifted(expected, 7, 1e-5, alone=True), columns, expected, threshold=None)


def test_a_decision_that_differs_is_named() -> None:
    expected = fitted_scores(fitted(LogisticRegression()), FRAME, "classification")
    columns = frame_columns(INPUTS, FRAME)
    near = Shifted(expected, 7, -5e-7)
    assert check_parity(near, columns, expected, threshold=None).largest < 1e-6
    with pytest.raises(ParityError, match="row 7"):
        check_parity(near, columns, expected, threshold=float(expected[7]))


def test_what_lies_between_the_fields_of_an_array_is_not_hashed() -> None:
    kind = np.dtype([("leaf", "i1"), ("value", "f8")], align=True)
    clean, dirty = (np.frombuffer(bytearray([fill]) * 2 * kind.itemsize, dtype=kind) for fill in (0, 255))
    clean["leaf"] = dirty["leaf"] = [1, 2]
    clean["value"] = dirty["value"] = [0.5, 0.25]
    assert clean.tobytes() != dirty.tobytes()
    assert content_sha256(export_skops(clean)) == content_sha256(export_skops(dirty))
    dirty["value"][1] = 0.75
    assert content_sha256(export_skops(clean)) != content_sha256(export_skops(dirty))
