"""What the demo's client asks is what training was given: the same features and labels of the same readings."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from deploy.local.component import render
from deploy.local.demo_meter_rows import MeterRows
from deploy.local.demo_models import MODEL
from deploy.local.paths import LOCAL
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.model_file import ModelFile, load_model_file

_START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=200)


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """The demo's own model, as it is rendered."""
    folder = tmp_path / "models"
    render(LOCAL / "demo_model_files" / f"{MODEL}.yaml", folder / f"{MODEL}.yaml", {"SINCE": _START.isoformat()})
    return load_model_file(MODEL, folder)


def readings() -> list[tuple[str, datetime, float]]:
    """Three meters with gaps, in the order of their coming, some of them late."""
    chance = random.Random(7)
    found = []
    for step in range(80):
        for meter in ("a", "b", "c"):
            if chance.random() < 0.9 and not (meter == "c" and 20 <= step < 60):
                found.append((meter, _START + step * _STEP + timedelta(milliseconds=chance.randrange(200)), step * 1.5))
    late = found.pop(30)
    return [*found[:45], late, *found[45:]]


def us(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def test_rows_and_outcomes_are_those_that_training_makes(model: ModelFile, tmp_path: Path) -> None:
    assert model.data.events is not None
    rows = MeterRows(model.data.events, timedelta(minutes=1))
    for device, moment, value in readings():
        rows.add(device, us(moment), value)
    table = [{"device": d, "metric": "flow", "time": t, "value": v} for d, t, v in readings()]
    table += [{"device": d, "metric": "volume", "time": t, "value": -1.0} for d, t, _ in readings()]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "readings.parquet")
    data = model.data.model_copy(update={"topic": None, "files": "readings.parquet"})

    frozen = freeze(data, Places(data=tmp_path / "data", files=tmp_path))
    trained = frozen.table(frozen.columns).to_pylist()

    assert len(trained) > 20
    assert {row["device"] for row in trained} == {"a", "b", "c"}
    for row in trained:
        cut = us(row["cut"])
        asked = rows.row(row["device"], cut)
        assert asked == pytest.approx({name: row[name] for name in model.inputs}), row
        assert rows.outcome(row["device"], cut) == pytest.approx(row["flow"])


def test_a_silent_or_unknown_meter_is_not_asked_about(model: ModelFile) -> None:
    assert model.data.events is not None
    rows = MeterRows(model.data.events, timedelta(minutes=1))
    rows.add("a", 0, 1.0)
    assert rows.row("a", 0) is None
    assert rows.row("a", 5_000_000) == dict.fromkeys(("last", "mean_5s", "least_5s", "most_5s"), 1.0) | {
        "mean_1s": None,
        "mean_2s": None,
    }
    assert rows.row("a", 5_000_001) is None
    assert rows.row("b", 0) is None
    assert rows.outcome("a", 0) is None


def test_old_readings_are_forgotten(model: ModelFile) -> None:
    assert model.data.events is not None
    rows = MeterRows(model.data.events, timedelta(seconds=20))
    for number in range(10_000):
        rows.add("a", number * 200_000, float(number))
    assert rows.span == pytest.approx(1_999.8)
    assert rows.row("a", 1_900_000_000) is None
    assert rows.row("a", 1_999_000_000) is not None
