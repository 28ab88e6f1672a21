"""What is said of an artifact whose scores aren't those of its training, or which can't score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from headrace.errors import ConfigurationError
from headrace.models.artifact import Artifact, load_artifact
from headrace.models.inputs import Input
from headrace.models.skops_scorer import PipelineScorer
from tests.served_models import INPUTS, ModelMaker
from train_models.registry.hold_out import HoldOut
from train_models.registry.parity import frame_columns
from train_models.registry.version_scores import check_scores, score_rows
from train_models.training_result import TrainingRows

_FRAME = pd.DataFrame(
    {
        field.name: np.linspace(0, 2, 60) if field.is_numeric else np.array(["a", "b", ""] * 20, dtype=object)
        for field in INPUTS
    }
)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    maker = ModelMaker(tmp_path)
    version = maker.make()
    keys = [maker.key.public_key()]
    return load_artifact(version.uri, manifest_sha256=version.manifest_sha256, public_keys=keys, scratch=tmp_path)


@pytest.fixture
def hold_out(artifact: Artifact) -> HoldOut:
    scores = artifact.scorer.score(frame_columns(INPUTS, _FRAME))
    rows = TrainingRows(INPUTS, _FRAME, np.zeros(60), np.arange(60))
    threshold = artifact.manifest.threshold
    return HoldOut(rows, {"linear": scores}, "roc_auc", "linear", threshold, False, frozenset(), np.zeros(0))


def test_what_a_training_left_is_what_the_artifact_says(artifact: Artifact, hold_out: HoldOut) -> None:
    check_scores(artifact, hold_out)
    assert score_rows(artifact, _FRAME).tolist() == hold_out.scores["linear"].tolist()


def _one_score(found: HoldOut) -> HoldOut:
    scores = found.scores["linear"].copy()
    scores[7] += 2e-6
    return replace(found, scores={"linear": scores})


def _one_row(found: HoldOut) -> HoldOut:
    changed = next(field.name for field in INPUTS if field.kind == "number")
    frame = found.rows.frame.copy()
    frame.loc[7, changed] += 1.0
    return replace(found, rows=replace(found.rows, frame=frame))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_one_score, "does not give the scores that its training left: 1 of 60 rows"),
        (_one_row, "does not give the scores that its training left: 1 of 60 rows"),
        (lambda found: replace(found, threshold=0.123), "its threshold is .*, and its training left 0.123"),
        (lambda found: replace(found, scores={}), "holds no scores of linear"),
    ],
)
def test_what_was_changed_afterwards_is_refused(
    artifact: Artifact, hold_out: HoldOut, change: Callable[[HoldOut], HoldOut], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_scores(artifact, change(hold_out))


def test_another_frame_is_refused_in_words(artifact: Artifact) -> None:
    number = next(field.name for field in INPUTS if field.kind == "number")
    with pytest.raises(ConfigurationError, match=f"it takes {number}, which these rows lack"):
        score_rows(artifact, _FRAME.drop(columns=number))
    with pytest.raises(ConfigurationError, match=f"it takes {number} as another kind"):
        score_rows(artifact, _FRAME.assign(**{number: "text"}))


def test_a_model_that_fails_is_refused_in_a_line(artifact: Artifact) -> None:
    """As scikit-learn's do for no rows, or for a value that training never had."""
    fitted = LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1])
    inputs = (Input("a", "number"),)
    manifest = msgspec.structs.replace(artifact.manifest, inputs=inputs)
    own = replace(artifact, manifest=manifest, scorer=PipelineScorer(fitted, inputs, "classification"))
    with pytest.raises(ConfigurationError, match=r"its model can't score them: .*0 sample") as refused:
        score_rows(own, pd.DataFrame({"a": np.zeros(0)}))
    assert "\n" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=r"its model can't score them: .*NaN"):
        score_rows(own, pd.DataFrame({"a": np.array([np.nan])}))
