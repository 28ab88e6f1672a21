"""What the API was asked is what a model is trained on later: the same rows, in the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from headrace.models.inputs import columns
from headrace.models.row_model import RowModel
from tests.integration.serve_api.served_model import ServedModel
from tests.served_models import INPUTS, ModelMaker
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.training_rows import training_rows
from train_models.model_file import ModelFile

pytestmark = pytest.mark.integration

ASKED: list[dict[str, Any]] = [
    {"Call  Failure": 3, "plan": 0, "active": True, "since": "1970-02-03T05:05:06.789012+01:00"},
    {"Call  Failure": 2.5, "plan": "0", "active": False, "since": None},
    {"Call  Failure": 0, "plan": 1.0, "active": True, "since": 1_769_860_800_123},
    {"Call  Failure": 9, "plan": True, "active": True, "since": "1931-05-01T00:00:00Z"},
]
SINCE = [2_865_906.789012, None, 1_769_860_800.123, -1_220_400_000.0]


def test_rows_that_were_asked_are_trained_on_as_they_were(
    model: ServedModel, maker: ModelMaker, tmp_path: Path
) -> None:
    model.promote(maker.make(model.name))
    for number, row in enumerate(ASKED):
        model.predict(row, id=f"r-{number}")
        outcome = {"id": f"r-{number}", "model": model.name, "label": number % 2 == 0}
        assert model.post(outcome, "/v1/outcomes").status_code == 202
    nullable = {"since"}
    file = ModelFile.model_validate(
        {
            "name": model.name,
            "task": "classification",
            "data": {"predictions": {"model": model.name}, "label": "left", "positive": 1, "id": "prediction_id"},
            "inputs": {field.name: {"kind": field.kind, "nullable": field.name in nullable} for field in INPUTS},
            "candidates": [{"algorithm": "logistic"}],
        }
    )

    found = training_rows(freeze(file.data, Places(data=tmp_path, brokers=model.brokers)), file).rows

    order = np.argsort(found.ids)
    read = RowModel(model.name, found.inputs)
    expected = columns(found.inputs, [read.read(row) for row in ASKED])
    for name, column in expected.items():
        np.testing.assert_array_equal(found.frame[name].to_numpy()[order], column)
    assert [None if value != value else value for value in expected["since"].tolist()] == SINCE
    assert found.inputs[1].levels == ("0", "1", "true")
    assert found.target[order].tolist() == [1, 0, 1, 0]


def test_a_version_on_trial_reads_the_time_that_the_caller_sent(model: ServedModel, maker: ModelMaker) -> None:
    """One with other bounds, so that it reads the row itself; in seconds this time would be taken for milliseconds."""
    bounds = msgspec.structs.replace(INPUTS[0], maximum=50)
    canary = maker.make(model.name, inputs=(bounds, *INPUTS[1:]))
    model.promote(maker.make(model.name), canary=canary, canary_share=1.0)

    model.predict({**ASKED[0], "since": "6000-01-01T00:00:00Z"})

    (made,) = model.predictions()
    assert (made.role, made.features["since"]) == ("canary", "6000-01-01T00:00:00.000000Z")
