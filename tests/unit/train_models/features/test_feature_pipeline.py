"""Features by each input's kind, and what a model file says instead."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input
from train_models.features.feature_spec import Features, PcaSpec, RatioSpec, RotationSpec
from train_models.features.pipeline import build_features, build_pipeline

INPUTS = (
    Input("price", "number", nullable=True),
    Input("Call  Failure", "number"),
    Input("ok", "boolean", nullable=True),
    Input("when", "time"),
    Input("plan", "category"),
    Input("size", "category"),
    Input("note", "text"),
)
FRAME = pd.DataFrame(
    {
        "price": [1.0, np.nan, 3.0, 11.0] * 5,
        "Call  Failure": [0.0, 1.0, 2.0, 4.0] * 5,
        "ok": [1.0, 1.0, 0.0, np.nan] * 5,
        "when": [0.0, 86_400.0, 172_800.0, 259_200.0] * 5,
        "plan": ["basic", "plus"] * 9 + ["rare", "odd"],
        "size": ["S", "L", "M", "S"] * 5,
        "note": ["late again", "all good", "", "late"] * 5,
    }
).astype({"plan": object, "size": object, "note": object})


def features(used: str, spec: dict[str, Any] | None = None, *, scaling: bool = False) -> tuple[pd.DataFrame, Any]:
    """The features of some inputs as a frame with their names, and the fitted steps."""
    inputs = [field for field in INPUTS if field.name in used.split(",")]
    steps = build_features(Features(**(spec or {})), inputs, needs_scaling=scaling).fit(FRAME)
    found = steps.transform(FRAME)
    try:
        return pd.DataFrame(found, columns=steps.get_feature_names_out()), steps
    except AttributeError:
        return pd.DataFrame(found), steps


def test_a_missing_number_is_its_median_and_says_so() -> None:
    found, _ = features("price,Call  Failure")
    assert list(found) == ["price", "Call  Failure", "missingindicator_price"]
    assert found.iloc[1].tolist() == [3.0, 1.0, 1.0]
    assert found.iloc[0].tolist() == [1.0, 0.0, 0.0]


def test_numbers_are_scaled_where_the_algorithm_needs_it_or_the_file_says_so() -> None:
    for found, _ in (features("Call  Failure", scaling=True), features("Call  Failure", {"scale": True})):
        assert found["Call  Failure"].mean() == pytest.approx(0)
        assert found["Call  Failure"].std(ddof=0) == pytest.approx(1)
    found, _ = features("Call  Failure", {"scale": False}, scaling=True)
    assert found["Call  Failure"].max() == 4


def test_a_missing_boolean_is_the_most_frequent() -> None:
    found, _ = features("ok")
    assert found.iloc[3].tolist() == [1.0, 1.0]


def test_rare_and_unseen_levels_share_a_column() -> None:
    found, steps = features("plan", {"rare": 5})
    assert list(found) == ["plan_basic", "plan_plus", "plan_infrequent_sklearn"]
    assert found.iloc[18].tolist() == found.iloc[19].tolist() == [0, 0, 1]
    unseen = FRAME.head(1).assign(plan="never seen")
    assert steps.transform(unseen).tolist() == [[0, 0, 1]]


def test_an_unseen_level_is_none_where_none_is_rare() -> None:
    _, steps = features("plan", {"rare": 1})
    assert steps.transform(FRAME.head(1).assign(plan="never seen")).sum() == 0


def test_ordinal_levels_have_their_order() -> None:
    found, steps = features("size", {"ordinal": {"size": ["S", "M", "L"]}})
    assert found["size"].head(4).tolist() == [0, 2, 1, 0]
    assert steps.transform(FRAME.head(1).assign(size="XL")).tolist() == [[-1]]


def test_dates() -> None:
    found, _ = features("when", {"dates": {"when": ["year", "day", "weekday"]}})
    assert list(found) == ["when_year", "when_day", "when_weekday"]
    assert found.iloc[1].tolist() == [1970, 2, 4]
    assert len(features("when")[0].columns) == 5


def test_texts_are_hashed() -> None:
    found, _ = features("note", {"hash_text": 32})
    assert found.shape == (20, 32)
    assert found.iloc[2].sum() == 0
    assert found.iloc[0].tolist() != found.iloc[1].tolist()


def test_new_numbers() -> None:
    spec = {
        "log": ["price"],
        "ratios": [RatioSpec(of="price", by="Call  Failure")],
        "rotations": [RotationSpec(columns=("price", "Call  Failure"), degrees=(90,))],
    }
    found, _ = features("price,Call  Failure", spec)
    assert found.iloc[2][["log_price", "price by Call  Failure", "price_turned_90"]].tolist() == pytest.approx(
        [np.log(4), 1.5, 2.0]
    )
    assert "price" not in found


def test_components_replace_features() -> None:
    found, _ = features("price,Call  Failure,plan", {"pca": {"keep": 2}})
    assert found.shape == (20, 2)
    assert abs(np.corrcoef(found.T)[0, 1]) < 1e-6
    most, _ = features("price,Call  Failure,plan", {"pca": {"keep": 0.9}})
    all_but_few, _ = features("price,Call  Failure,plan", {"pca": {"keep": 0.9999}})
    assert most.shape[1] < all_but_few.shape[1]


def test_components_of_some_inputs_leave_the_others() -> None:
    found, _ = features("price,Call  Failure,plan", {"pca": {"keep": 1, "columns": ["price", "plan"]}})
    assert found.shape == (20, 2)
    assert found.iloc[:, 1].tolist() == FRAME["Call  Failure"].tolist()


def test_dropped_inputs_are_not_used() -> None:
    found, _ = features("price,Call  Failure", {"drop": ["price"]})
    assert list(found) == ["Call  Failure"]


def test_a_column_that_is_all_missing_is_no_error() -> None:
    frame = FRAME.assign(price=np.nan)
    steps = build_features(Features(), INPUTS[:2], needs_scaling=True).fit(frame)
    assert np.isfinite(steps.transform(FRAME)).all()


def test_all_kinds_give_finite_numbers_also_where_all_is_missing() -> None:
    pipeline = build_pipeline(Features(), INPUTS, LinearRegression(), needs_scaling=True)
    pipeline.fit(FRAME, FRAME["Call  Failure"])
    nothing = FRAME.head(1).assign(price=np.nan, ok=np.nan, when=np.nan, plan="", size="", note="")
    assert np.isfinite(pipeline.predict(nothing)).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"drop": ["plans"]}, "features.drop: plans is not an input"),
        ({"ordinal": {"price": ["a"]}}, "features.ordinal: price is not a category"),
        ({"log": ["plan"]}, "features.log: plan is not a number"),
        ({"ratios": [{"of": "price", "by": "when"}]}, "features.ratios: when is not a number"),
        ({"rotations": [{"columns": ["price", "x"]}]}, "features.rotations: x is not a number"),
        ({"dates": {"price": ["year"]}}, "features.dates: price is not a time"),
        ({"pca": {"keep": 2, "columns": ["x"]}}, "features.pca.columns: x is not an input"),
        ({"drop": [field.name for field in INPUTS]}, "features.drop leaves no input"),
    ],
)
def test_what_does_not_fit_the_inputs_is_named(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_pipeline(Features(**spec), INPUTS, DummyRegressor(), needs_scaling=False)


def test_inputs_may_have_any_name() -> None:
    inputs = (Input("a__b", "time"), Input("c__d", "text"), Input("e__f", "number"), Input("g", "number"))
    frame = pd.DataFrame({"a__b": [0.0, 1e6] * 5, "c__d": ["so", "no"] * 5, "e__f": [1.0, 2.0] * 5, "g": 1.0})
    spec = Features(ratios=(RatioSpec(of="e__f", by="g", name="h__i"), RatioSpec(of="g", by="e__f")), hash_text=8)
    pipeline = build_pipeline(spec, inputs, LinearRegression(), needs_scaling=True)
    assert pipeline.fit(frame.astype({"c__d": object}), np.arange(10)).predict(frame).shape == (10,)


def test_ratios_need_names_of_their_own() -> None:
    same = (RatioSpec(of="price", by="Call  Failure"), RatioSpec(of="price", by="Call  Failure", plus=1.0))
    with pytest.raises(
        ConfigurationError, match="several are called 'price by Call  Failure': give each its own `name`"
    ):
        build_pipeline(Features(ratios=same), INPUTS, DummyRegressor(), needs_scaling=False)
    as_input = Features(ratios=(RatioSpec(of="price", by="Call  Failure", name="price"),))
    with pytest.raises(ConfigurationError, match="'price' is an input: give the ratio another `name`"):
        build_pipeline(as_input, INPUTS, DummyRegressor(), needs_scaling=False)
    named = (same[0], RatioSpec(of="price", by="Call  Failure", plus=1.0, name="price by more"))
    found, _ = features("price,Call  Failure", {"ratios": named})
    assert found.loc[2, ["price by Call  Failure", "price by more"]].tolist() == [1.5, 1.0]


@pytest.mark.parametrize("estimator", [KNeighborsRegressor(3), RandomForestRegressor(3, random_state=1)])
def test_no_number_is_out_of_proportion(estimator: Any) -> None:
    spec = Features(ratios=(RatioSpec(of="price", by="Call  Failure"),), log=("price",))
    pipeline = build_pipeline(spec, INPUTS[:2], estimator, needs_scaling=True).fit(FRAME, FRAME["when"])
    rows = pd.DataFrame({"price": [1e300, -1e308, 1e39, np.inf], "Call  Failure": [1e-300, 1e308, 1e39, -np.inf]})
    assert np.isfinite(pipeline.predict(rows)).all()


def test_components_are_a_share_or_a_count() -> None:
    with pytest.raises(ValidationError, match="a share below 1, or a whole number"):
        PcaSpec(keep=1.5)
