"""`/v1/experiments`, by the sums that are in the topic."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from headrace.experiments.task_totals import key_of
from headrace.interactions.records import TOTALS, ExperimentTotals, Sums
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import EXPERIMENT
from tests.integration.serve_api.client import Api

pytestmark = pytest.mark.integration
PEOPLE = 4_000


def _send(brokers: str, arm: str, bought: int, partition: int) -> None:
    now = time.time_ns() // 1_000
    sums = {"bought": Sums(PEOPLE, bought, bought)}
    record = ExperimentTotals("default", EXPERIMENT, 1, arm, partition, now, PEOPLE, sums)
    producer = Producer(brokers, "test")
    producer.produce(TOTALS, encode(record), key_of(EXPERIMENT, arm, partition), headers_of(record))
    producer.flush(30)


@pytest.fixture(scope="module")
def tried(api: Api, stack: Stack) -> Iterator[Api]:
    for partition in (0, 1):
        _send(stack.brokers, "usual", 400, partition)
        _send(stack.brokers, "varied", 600, partition)
    wait_until(lambda: _people(api) == 4 * PEOPLE, "the sums")
    yield api


def _people(api: Api) -> int:
    return sum(row["people"] for row in api.get("/v1/experiments").json()["items"] if row["experiment"] == EXPERIMENT)


def test_the_sums_of_all_tasks_are_judged(tried: Api) -> None:
    found = tried.get(f"/v1/experiments/{EXPERIMENT}/results").json()
    assert found["decision"]["decided"] == "ship" and found["decision"]["arm"] == "varied"
    (metric,) = found["metrics"]
    control, varied = metric["arms"]
    assert (control["mean"], varied["mean"], varied["people"]) == (0.1, 0.15, 2 * PEOPLE)
    assert 0.03 < varied["lower"] < 0.05 < varied["upper"] < 0.07
    (row,) = (row for row in tried.get("/v1/experiments").json()["items"] if row["experiment"] == EXPERIMENT)
    assert row["decision"] == found["decision"]


def test_the_newest_sums_of_a_task_replace_its_older_ones(tried: Api, stack: Stack) -> None:
    _send(stack.brokers, "varied", 400, 0)
    _send(stack.brokers, "varied", 400, 1)

    def mean() -> float:
        found = tried.get(f"/v1/experiments/{EXPERIMENT}/results").json()
        return float(found["metrics"][0]["arms"][1]["mean"])

    wait_until(lambda: mean() == 0.1, "the newer sums")
    _send(stack.brokers, "varied", 600, 0)
    _send(stack.brokers, "varied", 600, 1)
    wait_until(lambda: mean() == 0.15, "the former sums")


def test_the_report_is_a_page_that_may_load_nothing(tried: Api) -> None:
    page = tried.get(f"/v1/experiments/{EXPERIMENT}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "Ship varied" in page.text and "<svg" in page.text


def test_prometheus_sees_the_same(tried: Api) -> None:
    lines = tried.get("/metrics").text.splitlines()
    labels = f'arm="varied",experiment="{EXPERIMENT}",metric="bought",service="serve_api"'
    assert f"headrace_experiment_mean{{{labels}}} 0.15" in lines
    assert f"headrace_experiment_people{{{labels}}} {2.0 * PEOPLE}" in lines
    assert any(line.startswith(f"headrace_experiment_difference_lower{{{labels}}} 0.0") for line in lines)
    labels = f'decision="ship",experiment="{EXPERIMENT}",service="serve_api"'
    assert f"headrace_experiment_decision{{{labels}}} 1.0" in lines


@pytest.mark.parametrize("what", ["results", "report"])
def test_an_unknown_experiment_is_not_found_and_the_answer_says_where_to_look(tried: Api, what: str) -> None:
    answer = tried.get(f"/v1/experiments/nothing/{what}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no experiment nothing; see /v1/experiments for those that there are"
