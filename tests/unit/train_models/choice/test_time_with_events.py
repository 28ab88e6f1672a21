"""Rows of events that are split by time: no label teaches before it could be known, and entities go on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import frozen
from train_models.choice.choose import choose
from train_models.choice.progress import NoProgress
from train_models.choice.splits import folds_of, inner_folds_of, split_hold_out
from train_models.data.training_rows import training_rows
from train_models.features.pipeline import build_pipeline
from train_models.model_file import ModelFile
from train_models.training_result import TrainingRows

DAY = timedelta(days=1)
HORIZON_S = 45 * 86_400.0
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def _events() -> list[dict[str, Any]]:
    """Orders of customers over a year, each at a pace of their own."""
    draw = random.Random(7)
    found = []
    for customer in range(60):
        day, pace = draw.uniform(0, 60), draw.choice([6.0, 60.0])
        while day < 365:
            found.append({"customer": f"c{customer}", "at": T0 + day * DAY, "amount": draw.uniform(1, 9)})
            day += draw.expovariate(1 / pace)
    return found


def _model(**data: Any) -> ModelFile:
    events = {
        "entity": "customer",
        "time": "at",
        "cuts": {"every": "30d", "from": "2026-02-01"},
        "features": {"orders": {"count": "*", "within": "60d"}, "spent": {"sum": "amount"}},
        "label": {"none_within": "45d"},
    }
    return ModelFile.model_validate(
        {
            "name": "churn",
            "task": "classification",
            "data": {"files": "events.parquet", "label": "left", "positive": True, "events": events, **data},
            "inputs": {"orders": "number", "spent": "number"},
            "validation": {"splits": "time", "folds": 3, "inner_folds": 2},
            "candidates": [{"algorithm": "logistic", "search": {"C": [0.1, 1.0]}}],
            "search": {"trials": 2},
        }
    )


def _rows(folder: Path, model: ModelFile) -> TrainingRows:
    snapshot = frozen(folder, model.data.model_dump(by_alias=True), events=_events())
    return training_rows(snapshot, model).rows


def _splits(rows: TrainingRows, model: ModelFile) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The hold-out's, each fold's and each inner fold's, as positions within all rows."""
    development, held = split_hold_out(rows, model.validation, model.task)
    found = [(development, held)]
    known = rows.take(development)
    for fold in folds_of(known, model.validation, model.task):
        outer = development[fold.train]
        found.append((outer, development[fold.test]))
        for inner in inner_folds_of(known.take(fold.train), model.validation, model.task):
            found.append((outer[inner.train], outer[inner.test]))
    return found


def test_only_labels_that_were_known_teach_and_no_entity_is_left_out(tmp_path: Path) -> None:
    model = _model()
    rows = _rows(tmp_path, model)
    times, entities = rows.times, rows.groups
    assert times is not None and entities is not None
    splits = _splits(rows, model)

    assert len(splits) == 1 + 3 + 3 * 2
    for train, test in splits:
        assert (times[train] + HORIZON_S).max() <= times[test].min()
        assert set(entities[train]) & set(entities[test])
    development, held = splits[0]
    # All that could be known, and not one row less.
    assert set(np.flatnonzero(times + HORIZON_S <= times[held].min())) == set(development)
    assert len(held) >= 0.2 * len(rows)


def test_groups_that_the_file_names_are_still_kept_apart(tmp_path: Path) -> None:
    model = _model(group="customer")
    rows = _rows(tmp_path, model)
    times, groups = rows.times, rows.groups
    assert times is not None and groups is not None
    # Half of them are gone before the hold-out begins, or nobody would be left to learn from.
    gone = np.array([int(group[1:]) % 2 == 0 for group in groups])
    kept = rows.take(np.flatnonzero(~(gone & (times >= np.quantile(times, 0.5)))))
    assert kept.groups is not None
    development, held = split_hold_out(kept, model.validation, model.task)

    assert len(development) > 0
    assert not set(kept.groups[development]) & set(kept.groups[held])


def test_too_few_cuts_say_so(tmp_path: Path) -> None:
    model = _model()
    rows = _rows(tmp_path, model)
    assert rows.times is not None
    first_two = rows.take(np.flatnonzero(rows.times <= np.unique(rows.times)[1]))

    with pytest.raises(ConfigurationError, match=r"0 rows are later than the first label was known.*more cuts"):
        folds_of(first_two, model.validation, model.task)


def test_a_model_of_events_is_chosen_by_time(tmp_path: Path) -> None:
    model = _model()
    rows = _rows(tmp_path, model)

    def build(estimator: Any, needs_scaling: bool) -> Pipeline:
        return build_pipeline(model.features, rows.inputs, estimator, needs_scaling=needs_scaling)

    result = choose(rows, model, build, tmp_path / "run", NoProgress())

    times = rows.times
    assert times is not None
    assert (times[result.development] + HORIZON_S).max() <= times[result.hold_out].min()
    assert len(result.hold_out_scores["logistic"]) == len(result.hold_out)
