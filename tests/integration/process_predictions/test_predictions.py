"""process_predictions on a real Kafka: each prediction once, whatever is killed, and swaps while it runs."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.models.online import load_online_models
from headrace.models.records import ModelVersion
from headrace.records import Window
from headrace.testing import wait_until
from tests.integration.process_predictions.prediction_process import PredictionProcess, prediction_process
from tests.served_models import ROW, score_of
from tests.unit.process_predictions.online_driver import MONDAY, OnlineDriver, daily, window

HOURS = 150
DEVICES = 6
ROWS = 600


@pytest.fixture
def predictions(stack: Stack, tmp_path: Path) -> Iterator[PredictionProcess]:
    """Its model's topic is there."""
    with prediction_process(stack.brokers, tmp_path) as process:
        process.make_topic()
        yield process


@pytest.fixture
def early(stack: Stack, tmp_path: Path) -> Iterator[PredictionProcess]:
    """Its model's topic is not there yet."""
    with prediction_process(stack.brokers, tmp_path) as process:
        yield process


def windows(site: str, hours: range) -> list[Window]:
    series = [daily(HOURS + 50, seed=device) for device in range(DEVICES)]
    return [
        window(MONDAY + hour, series[device][hour], site=site, device=f"d{device}")
        for hour in hours
        for device in range(DEVICES)
    ]


def test_kills_lose_and_double_nothing(predictions: PredictionProcess) -> None:
    """What comes of it is what a plain computation gives, to the bit."""
    whole = windows(predictions.name, range(HOURS))
    rows = [{**ROW, "Call  Failure": at % 50, "line": f"{predictions.name}-{at}"} for at in range(ROWS)]
    predictions.promote(predictions.usage, predictions.maker.make(predictions.usage, weight=0.25))
    predictions.send_windows(whole[: len(whole) // 2])
    predictions.send_rows(rows[: ROWS // 2])
    predictions.start()
    predictions.wait_for(20)
    predictions.kill()

    predictions.send_windows(whole[len(whole) // 2 :])
    predictions.send_rows(rows[ROWS // 2 :])
    predictions.start()
    predictions.wait_for(len(predictions.made) + random.Random(1).randint(50, 400))
    predictions.kill()
    predictions.start()

    plain = OnlineDriver(load_online_models(predictions.models))
    plain.send(whole)
    plain.driver.run()
    expected = {each.id: (each.role, each.score, each.features) for each in plain.predictions()}
    predictions.wait_for(len(expected) + ROWS)
    predictions.stop()
    predictions.read()

    online = [each for each in predictions.made if each.model != predictions.usage]
    assert {each.id: (each.role, each.score, each.features) for each in online} == expected
    assert len(online) == len(expected), "one is there twice"
    outcomes = {each.id: each.label for each in predictions.outcomes}
    assert outcomes == {one: outcome.label for one, outcome in plain.outcomes().items()}
    assert len(outcomes) == len(predictions.outcomes) > 1_000
    scored = [each for each in predictions.made if each.model == predictions.usage]
    assert sorted(each.id for each in scored) == sorted(str(row["line"]) for row in rows)
    by_id = {each.id: each.score for each in scored}
    assert [by_id[str(row["line"])] for row in rows] == pytest.approx([score_of(row, 0.25) for row in rows], abs=1e-12)


def test_promotions_swap_within_two_seconds(predictions: PredictionProcess) -> None:
    one, two = (predictions.maker.make(predictions.usage, weight=weight) for weight in (0.25, -0.25))
    predictions.promote(predictions.usage, one)
    predictions.start()
    predictions.wait_until_ready()
    predictions.send_windows(windows(predictions.name, range(10)))
    predictions.send_rows([{**ROW, "line": "first"}])
    predictions.wait_for(1, "scored rows", predictions.usage)
    predictions.wait_for(9 * DEVICES * 2, "hours", predictions.hour)

    predictions.promote(predictions.usage, two)
    predictions.promote(predictions.hour, ModelVersion(2, "file:///no/code/is/loaded", "0" * 64))
    promoted = time.monotonic()
    hour = 10
    while not swapped(predictions):
        assert time.monotonic() - promoted < 2.0, "no swap within 2 s"
        predictions.send_windows(windows(predictions.name, range(hour, hour + 1)))
        predictions.send_rows([{**ROW, "line": f"later-{hour}"}])
        hour += 1
        predictions.read()

    before = len(predictions.made)
    predictions.send_windows(windows(predictions.name, range(hour, hour + 1)))
    predictions.wait_for(before + 2 * DEVICES)
    late = [each for each in predictions.made if each.model == predictions.hour][-2 * DEVICES :]
    assert {(each.version, each.role) for each in late} == {(1, "shadow"), (2, "champion")}
    metrics = predictions.metrics()
    labels = f'model="{predictions.usage}",role="champion",service="process_predictions"'
    assert f"headrace_scoring_version{{{labels}}} 2.0" in metrics
    assert predictions.stop() == 0


def test_a_topic_that_comes_later_is_scored_without_a_new_start(early: PredictionProcess) -> None:
    whole = windows(early.name, range(40))
    half = len(whole) // 2
    rows = [{**ROW, "Call  Failure": at % 50, "line": f"{early.name}-{at}"} for at in range(100)]
    early.promote(early.usage, early.maker.make(early.usage, weight=0.25))
    early.promote(early.hour, ModelVersion(2, "file:///no/code/is/loaded", "0" * 64))
    early.start()
    early.wait_until_ready()
    started = early.process
    early.send_windows(whole[:half])
    early.wait_for(19 * DEVICES * 2, "hours", early.hour)

    early.make_topic()
    early.send_rows(rows)
    early.send_windows(whole[half:])
    early.wait_for(len(rows), "scored rows", early.usage)
    early.wait_for(39 * DEVICES * 2, "hours", early.hour)

    scored = [each for each in early.made if each.model == early.usage]
    assert sorted(each.id for each in scored) == sorted(str(row["line"]) for row in rows)
    plain = OnlineDriver(load_online_models(early.models))
    plain.send(whole)
    plain.driver.run()
    early.wait_for(len(plain.predictions()) + len(rows))
    online = [each for each in early.made if each.model != early.usage]
    assert {each.id: each.score for each in online} == {each.id: each.score for each in plain.predictions()}
    assert len(online) == len(plain.predictions()), "one is there twice"
    hours = {(each.version, each.role) for each in online if each.model == early.hour}
    assert hours == {(1, "shadow"), (2, "champion")}, "the roles are those of before"
    assert early.process is started and early.stop() == 0


def test_without_any_topic_it_waits_for_one(early: PredictionProcess) -> None:
    early.leave_only_usage()
    early.promote(early.usage, early.maker.make(early.usage))
    early.start()
    wait_until(lambda: early.rows in early.readiness(), "the name of the missing topic", 60)
    assert early.stop() == 0

    early.start()
    wait_until(lambda: early.rows in early.readiness(), "the name of the missing topic", 60)
    early.make_topic()
    early.send_rows([{**ROW, "line": "first"}])
    early.wait_for(1, "scored rows", early.usage)
    early.wait_until_ready()
    assert early.stop() == 0


def swapped(predictions: PredictionProcess) -> bool:
    usage = any(each.model == predictions.usage and each.version == 2 for each in predictions.made)
    hour = any(
        each.model == predictions.hour and each.version == 2 and each.role == "champion" for each in predictions.made
    )
    return usage and hour
