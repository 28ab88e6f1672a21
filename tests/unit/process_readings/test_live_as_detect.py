"""What `headrace detect` says of a file is what the live rules say of the same readings, equal to the bit."""

import io
from itertools import pairwise
from random import Random

import pytest

from deploy.local.paths import DEPLOY
from headrace.records import Anomaly
from process_readings.detect.registry import make_detector
from process_readings.detect.score_rows import JudgedRow, RowScorer, read_rows
from process_readings.device_types import load_device_types
from tests.daily_series import Row, csv_of, daily_series
from tests.unit.process_readings.driver import T0, Driver, Raw, telemetry

SEED = 20261128
TYPES = load_device_types(DEPLOY / "device_types.yaml")
Found = list[tuple[int, float, float, str]]


def by_file(rows: list[Row]) -> list[JudgedRow]:
    scorer = RowScorer(TYPES, "default", "temperature")
    return [scorer.judge(*row) for row in read_rows(io.StringIO(csv_of(rows)), "daily.csv")]


def anomalies_of(rows: list[JudgedRow]) -> Found:
    return [(row.time_us, row.score or 0.0, row.threshold or 0.0, row.reason) for row in rows if row.is_anomaly]


def messages(rows: list[Row]) -> list[Raw]:
    return [telemetry(time - T0 / 1e6, temperature=value) for time, value in rows]


def seen(anomalies: list[Anomaly]) -> Found:
    return [(one.time, one.score, one.threshold, one.reason) for one in anomalies]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return daily_series(SEED)


@pytest.fixture(scope="module")
def expected(rows: list[Row]) -> Found:
    return anomalies_of(by_file(rows))


def test_the_series_has_anomalies_of_the_detector_and_of_the_range(expected: Found) -> None:
    assert 5 <= len(expected) <= 12
    assert sum("possible value" in reason for _, _, _, reason in expected) == 2


@pytest.mark.parametrize("most", [1, 16, 300, 10_000])
def test_wherever_batches_are_cut_and_the_state_is_read_back(rows: list[Row], expected: Found, most: int) -> None:
    random, driver = Random(SEED + most), Driver(TYPES)
    edges = [0]
    while edges[-1] < len(rows):
        edges.append(min(edges[-1] + random.randint(1, most), len(rows)))
    sent = messages(rows)
    for begin, end in pairwise(edges):
        driver.send(*sent[begin:end])
        if random.random() < 0.2:
            driver.checkpoint()
            driver.restart()
    assert seen(driver.anomalies()) == expected


def test_what_was_expected_instead_is_what_the_detector_alone_says(rows: list[Row]) -> None:
    driver = Driver(TYPES)
    driver.send(*messages(rows))
    detector = make_detector()
    verdicts = {time * 1_000_000: detector.observe(value, time * 1_000_000) for time, value in rows if value < 1_000}
    found = [one for one in driver.anomalies() if one.detector == detector.family]
    assert found
    assert [one.expected for one in found] == [(verdict := verdicts[one.time]) and verdict.expected for one in found]


@pytest.mark.parametrize("kept", [1, 149, 151, 700, 1_160, 1_900])
def test_a_cut_file_gives_the_same_rows_up_to_the_cut(rows: list[Row], kept: int) -> None:
    assert by_file(rows[:kept]) == by_file(rows)[:kept]
