"""The check of the engine's fault runs passes the job's rules for any batches and crashes, and notices every fault."""

import json
import random
import time
from dataclasses import replace
from typing import Any

import pytest

from headrace.streams.topology import Stage, Topology
from headrace.testing import TopologyDriver
from loadtest.engine_check import Expected, Found, differences, expected_of
from loadtest.engine_load import Readings, Sent
from loadtest.engine_worker import LATENESS_US
from loadtest.standard_job import StandardJob, Topics

OUTPUTS = Topics("windows", "anomalies", "late")
SECOND = 1_000_000


def run_with_crashes(readings: Readings, count: int, seed: int) -> Found:
    """The job's outputs with batches, checkpoints and crashes anywhere."""
    chance = random.Random(seed)
    rules = StandardJob(OUTPUTS, LATENESS_US, quiet_us=1 << 60)
    topics = ("windows", "anomalies", "late")
    stage = Stage("job", ("readings",), rules, topics, "changelog")
    driver = TopologyDriver(Topology("job", (stage,)), now_us=time.time_ns() // 1_000)
    for _ in range(count):
        sent = readings.make()
        driver.send("readings", sent.device.encode(), sent.raw)
        draw = chance.random()
        if draw < 0.02:
            driver.process([chance.randint(1, 30) for _ in range(50)])
        elif draw < 0.03:
            driver.checkpoint()
        elif draw < 0.035:
            driver.crash()
    driver.run(17)
    found = Found()
    for topic in topics:
        for record in driver.outputs(topic):
            found.add(topic, record.value or b"")
    return found


@pytest.mark.parametrize("seed", range(3))
def test_job_passes_for_any_batches_checkpoints_and_crashes(seed: int) -> None:
    readings = Readings(seed, devices=7)
    found = run_with_crashes(readings, 4_000, seed)
    expected = expected_of(readings.log)
    assert min(len(expected.windows), len(expected.anomalies), len(expected.late)) > 5, "or it would show nothing"
    assert differences(expected, found) == {}


def sent(time_s: float, value: float, device: str = "d") -> Sent:
    return Sent(device, round(time_s * SECOND), value, json.dumps([time_s, value]).encode())


def test_window_is_emitted_when_passed_when_revised_and_when_final() -> None:
    expected = expected_of([sent(101, 1), sent(104, 5), sent(112, 2), sent(105, 3), sent(131, 2)])
    start = 100 * SECOND
    assert expected.windows == {
        ("d", start, 2, False): (6.0, 1.0, 5.0, 5.0, 104.0 * SECOND),
        ("d", start, 3, False): (9.0, 1.0, 5.0, 3.0, 105.0 * SECOND),
        ("d", start, 3, True): (9.0, 1.0, 5.0, 3.0, 105.0 * SECOND),
        ("d", start + 10 * SECOND, 1, False): (2.0, 2.0, 2.0, 2.0, 112.0 * SECOND),
    }


def test_reading_past_the_lateness_is_late_and_in_no_window() -> None:
    late = sent(101, 1)
    expected = expected_of([sent(131, 2), late])
    assert expected.late == {late.raw: 1}
    assert expected.windows == {}


def test_reading_far_from_the_mean_is_an_anomaly() -> None:
    expected = expected_of([sent(1, 10), sent(2, 11), sent(3, 10), sent(4, 60)])
    mean = 10 + 0.05
    variance = 0.95 * 0.05
    mean, variance = mean - 0.05 * 0.05, 0.95 * (variance + 0.05 * 0.05**2)
    assert list(expected.anomalies) == [("d", 4 * SECOND)]
    assert expected.anomalies["d", 4 * SECOND] == pytest.approx((60, (60 - mean) / variance**0.5))


def test_what_does_not_count_is_nowhere() -> None:
    broken = replace(sent(1, 10), value=None)
    assert len(expected_of([broken, sent(1, 150), sent(2, -50)])) == 0


WINDOW = {"device_id": "d", "start": 0, "count": 1, "final": True, "sum": 3.0, "min": 3.0, "max": 3.0, "last": 3.0}
ANOMALY = {"device_id": "d", "ts": 5, "value": 60.0, "score": 9.0}


def good() -> tuple[Expected, Found]:
    expected = Expected(windows={("d", 0, 1, True): (3.0, 3.0, 3.0, 3.0, 7.0)}, anomalies={("d", 5): (60.0, 9.0)})
    expected.late[b"late"] += 1
    return expected, Found([{**WINDOW, "last_ts": 7}], [ANOMALY], [b"late"])


def test_right_outputs_differ_in_nothing() -> None:
    assert differences(*good()) == {}


@pytest.mark.parametrize(("what", "kind"), [("windows", "window"), ("anomalies", "anomaly"), ("late", "late reading")])
def test_missing_doubled_and_unexpected_outputs_are_noticed(what: str, kind: str) -> None:
    expected, found = good()
    getattr(found, what).pop()
    assert differences(expected, found) == {f"{kind} missing": 1}
    expected, found = good()
    getattr(found, what).append(getattr(found, what)[0])
    assert differences(expected, found) == {f"{kind} there twice": 1}
    expected, found = good()
    assert differences(Expected(), found)[f"{kind} never due"] == 1


@pytest.mark.parametrize(
    ("what", "field", "value"),
    [("windows", "sum", 3.00000001), ("windows", "last", 4.0), ("windows", "last_ts", 8), ("anomalies", "score", 9.1)],
)
def test_wrong_content_is_noticed(what: str, field: str, value: float) -> None:
    expected, found = good()
    outputs: list[dict[str, Any]] = getattr(found, what)
    outputs[0] = {**outputs[0], field: value}
    (kind,) = differences(expected, found)
    assert kind.endswith("wrong")
