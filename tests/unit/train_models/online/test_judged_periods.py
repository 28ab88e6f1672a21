"""Predictions joined with outcomes, on what process_predictions' own rules write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headrace.models.online import OnlineModel
from headrace.models.records import Outcome, Prediction
from tests.unit.process_predictions.online_driver import HOUR, MONDAY, OnlineDriver, daily, shipped, window
from train_models.data.duck import duck
from train_models.online.judged_periods import JudgedPeriods, join_periods, write_records

HOURS = 24 * 16
SCALES = {"temperature": 1.0, "pressure": 1_000.0}
HOUR_MODEL, UNUSUAL = shipped()


@pytest.fixture(scope="module")
def driver() -> OnlineDriver:
    """Two metrics whose units differ a thousandfold."""
    driver = OnlineDriver()
    for seed, (metric, scale) in enumerate(SCALES.items()):
        values = daily(HOURS, seed=seed)
        driver.send(window(MONDAY + at, value * scale, metric) for at, value in enumerate(values))
    driver.driver.run()
    return driver


@contextmanager
def periods_of(
    folder: Path, model: OnlineModel, made: list[Prediction], came: list[Outcome], since_us: int = 0
) -> Iterator[JudgedPeriods]:
    rows = [
        {name: getattr(each, name) for name in ("id", "version", "subject", "event_time", "score")}
        for each in made
        if each.model == model.name
    ]
    batch = pa.RecordBatch.from_pylist(
        rows,
        pa.schema(
            [
                ("id", pa.string()),
                ("version", pa.int64()),
                ("subject", pa.string()),
                ("event_time", pa.timestamp("us", tz="UTC")),
                ("score", pa.float64()),
            ]
        ),
    )
    labels = [{"id": each.id, "label": float(each.label)} for each in came if each.model == model.name]
    outcomes = pa.RecordBatch.from_pylist(labels, pa.schema([("id", pa.string()), ("label", pa.float64())]))
    write_records([batch], "made", folder)
    write_records([outcomes], "outcomes", folder)
    with duck(folder / "scratch", 64) as connection:
        yield join_periods(connection, model, folder, since_us)


@contextmanager
def whole(folder: Path, driver: OnlineDriver, model: OnlineModel, since_us: int = 0) -> Iterator[JudgedPeriods]:
    with periods_of(folder, model, driver.predictions(), list(driver.outcomes().values()), since_us) as periods:
        yield periods


def test_errors_are_those_of_each_series_beside_its_last_value(driver: OnlineDriver, tmp_path: Path) -> None:
    """Computed anew, value by value, from the windows that were sent."""
    with whole(tmp_path, driver, HOUR_MODEL) as periods:
        found = periods.prequential()
    assert sorted(found) == [1, 2]
    for version, figures in found.items():
        errors, naive = defaultdict(list), defaultdict(list)
        for made in driver.made(HOUR_MODEL.name, version):
            if made.outcome is None:
                continue
            metric = str(made.prediction.subject).split("/")[2]
            at = int(made.prediction.event_time or 0) // HOUR - MONDAY
            values = daily(HOURS, seed=list(SCALES).index(metric))
            value = values[at] * SCALES[metric]
            errors[metric].append(abs(made.prediction.score - value))
            naive[metric].append(abs(values[at - 1] * SCALES[metric] - value))
        every = np.concatenate([errors[metric] for metric in SCALES])
        # A series' first outcome has none before it among the outcomes.
        scaled = [np.array(errors[metric][1:]) / np.mean(naive[metric][1:]) for metric in SCALES]
        metrics = figures.metrics(HOUR_MODEL)
        assert (figures.outcomes, figures.series) == (len(every), 2)
        assert metrics["mae"] == pytest.approx(every.mean())
        assert metrics["rmse"] == pytest.approx(sqrt((every**2).mean()))
        assert metrics["mase"] == pytest.approx(np.concatenate(scaled).mean())
        assert metrics["base_mae"] == pytest.approx(np.concatenate([naive[metric][1:] for metric in SCALES]).mean())
        assert metrics["mase"] < 1 < metrics["mae"]


def test_probabilities_are_judged_beside_the_share_so_far(driver: OnlineDriver, tmp_path: Path) -> None:
    with whole(tmp_path, driver, UNUSUAL) as periods:
        metrics = periods.prequential()[1].metrics(UNUSUAL)
    judged = [made for made in driver.made(UNUSUAL.name) if made.outcome is not None]
    losses = [-np.log(m.prediction.score if m.outcome.label else 1 - m.prediction.score) for m in judged if m.outcome]
    came: dict[str, list[float]] = defaultdict(list)
    base = []
    for made in judged:
        assert made.outcome is not None
        earlier, label = came[str(made.prediction.subject)], float(made.outcome.label)
        base.append((0.02 * 24 + sum(earlier)) / (24 + len(earlier)) - label)
        earlier.append(label)
    assert metrics["log_loss"] == pytest.approx(np.mean(losses))
    assert metrics["base_brier"] == pytest.approx(np.mean(np.square(base)))


def test_a_period_before_the_time_asked_for_counts_only_as_what_was_known(driver: OnlineDriver, tmp_path: Path) -> None:
    since = (MONDAY + 100) * HOUR
    with whole(tmp_path, driver, HOUR_MODEL, since) as periods:
        figures = periods.prequential()[1]
        blocks = periods.blocks([1], "first")
    assert figures.since == since
    assert figures.outcomes == blocks.count == 2 * (HOURS - 101), "the first one has a last value too"


def test_versions_are_compared_on_what_both_predicted(driver: OnlineDriver, tmp_path: Path) -> None:
    late = (MONDAY + 200) * HOUR
    made = [each for each in driver.predictions() if each.version == 1 or int(each.event_time or 0) >= late]
    with periods_of(tmp_path, HOUR_MODEL, made, list(driver.outcomes().values())) as periods:
        both, one = periods.blocks([1, 2], "first"), periods.blocks([1], "first")
    assert both.count == 2 * (HOURS - 201) < one.count
    assert both.starts.min() * 1e6 >= late - 24 * HOUR and np.all(np.diff(both.starts) == 24 * 3_600)
    assert both.mean(both.base, is_root=False) == pytest.approx(1, abs=0.05)


def test_periods_of_which_versions_were_told_different_outcomes_are_not_compared(
    driver: OnlineDriver, tmp_path: Path
) -> None:
    came = driver.outcomes()
    of_second = [each.id for each in driver.predictions() if (each.model, each.version) == (HOUR_MODEL.name, 2)]
    came |= {one: msgspec.structs.replace(came[one], label=-1.0) for one in of_second[50:55]}
    with periods_of(tmp_path, HOUR_MODEL, driver.predictions(), list(came.values())) as periods:
        found, blocks = periods.prequential(), periods.blocks([1, 2], "first")
    assert blocks.count == found[1].outcomes - len(SCALES) - 5


def test_the_first_prediction_and_the_newest_outcome_count(driver: OnlineDriver, tmp_path: Path) -> None:
    made, came = driver.predictions(), list(driver.outcomes().values())
    again = [msgspec.structs.replace(made[0], score=1e9) for _ in range(2)]
    old = [msgspec.structs.replace(each, label=-1e9) for each in came[:5]]
    for number, (predictions, outcomes) in enumerate(((made, came), (made + again, old + came))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with periods_of(folder, HOUR_MODEL, predictions, outcomes) as periods:
            found = periods.prequential()
        if not number:
            expected = found
    assert found == expected


def test_nothing_predicted_gives_nothing(tmp_path: Path) -> None:
    with periods_of(tmp_path, HOUR_MODEL, [], []) as periods:
        assert periods.prequential() == {} and len(periods.blocks([1, 2], "first")) == 0
