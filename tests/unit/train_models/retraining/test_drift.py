"""Which inputs have moved since the training, by the predictions."""

from typing import Any

import numpy as np
import pytest

from headrace.models.inputs import Input
from headrace.models.manifest import Bins, Manifest
from headrace.models.records import Prediction
from train_models.retraining.measure import LEAST_PREDICTIONS, drift_of

QUARTILES = Bins((0.25, 0.25, 0.25, 0.25), edges=(-0.6745, 0.0, 0.6745))
MANIFEST = Manifest(
    name="churn",
    task="classification",
    created=1,
    inputs=(Input("age", "number"), Input("plan", "category", levels=("a", "b")), Input("new", "number")),
    label="left",
    files={},
    data_sha256="",
    data_rows=1,
    code="",
    libraries={},
    seed=1,
    algorithm="logistic",
    content_sha256="",
    reference={
        "age": QUARTILES,
        "plan": Bins((0.5, 0.5, 0.0), levels=("a", "b")),
        "new": QUARTILES,
        "score": Bins((0.5, 0.5), edges=(0.5,)),
    },
)


def _predictions(count: int, *, shift: float = 0.0, version: int = 2, **features: Any) -> list[Prediction]:
    random = np.random.default_rng(1)
    return [
        Prediction(
            id=str(number),
            site="home",
            model="churn",
            version=version,
            role="champion",
            made=1,
            features={
                "age": float(random.normal()) + shift,
                "plan": str(random.choice(["a", "b"])),
                "new": float(random.normal()),
                **features,
            },
            score=float(random.random()),
        )
        for number in range(count)
    ]


def test_what_moved_is_found_and_nothing_else() -> None:
    still, moved = drift_of(MANIFEST, _predictions(2_000), 2), drift_of(MANIFEST, _predictions(2_000, shift=1.0), 2)
    assert set(still) == set(moved) == {"age", "plan", "new", "score"}
    assert max(still.values()) < 0.02
    assert moved["age"] > 0.5
    assert {name: moved[name] for name in ("plan", "new", "score")} == pytest.approx(
        {name: still[name] for name in ("plan", "new", "score")}
    )


def test_a_level_that_training_did_not_see_is_drift() -> None:
    assert drift_of(MANIFEST, _predictions(1_000, plan="c"), 2)["plan"] > 1


def test_scores_of_another_version_are_no_drift() -> None:
    assert "score" not in drift_of(MANIFEST, _predictions(2_000, version=1), 2)


def test_an_input_that_the_version_before_did_not_take_has_not_drifted() -> None:
    old = _predictions(2_000, version=1)
    for prediction in old:
        del prediction.features["new"]
    assert set(drift_of(MANIFEST, old, 2)) == {"age", "plan"}
    few = _predictions(LEAST_PREDICTIONS - 1)
    assert "new" not in drift_of(MANIFEST, old + few, 2)


def test_an_input_that_was_of_another_kind_before_is_left_out() -> None:
    assert "age" not in drift_of(MANIFEST, _predictions(1_000, age="old"), 2)
