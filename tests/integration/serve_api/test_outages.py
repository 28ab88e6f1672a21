"""Cassandra and Kafka away: a clear 503, and all well again once they are back."""

import secrets
import signal
from collections.abc import Sequence

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import start_api
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.event_stream import following
from tests.integration.serve_api.pipeline import appending
from tests.integration.serve_api.tables import Tables, anomaly, reading

pytestmark = pytest.mark.integration

NOON = 1_769_860_800_000_000
LISTS = ["/v1/devices", "/v1/latest", "/v1/readings?device=a", "/v1/windows?device=a", "/v1/anomalies", "/v1/devices/a"]


def _status(api: Api, path: str) -> int:
    return httpx.get(f"{api.url}{path}", timeout=TIMEOUT_S).status_code


def _assert_unavailable(answer: httpx.Response, names: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert names in answer.json()["detail"]


def _assert_unavailable_everywhere(api: Api, paths: Sequence[str] = LISTS) -> None:
    for path in paths:
        _assert_unavailable(httpx.get(f"{api.url}{path}", timeout=TIMEOUT_S), "Cassandra")
    _assert_unavailable(api.post("/v1/anomalies/any/feedback", {"verdict": "true"}), "Cassandra")
    assert _status(api, "/readyz") == 503
    assert _status(api, "/healthz") == 200


def test_a_cassandra_that_hangs_is_503_and_its_return_is_noticed(
    api: Api, stack: Stack, tables: Tables, device: str
) -> None:
    tables.write(reading(device, NOON))
    stack.kill("cassandra", signal.SIGSTOP)
    try:
        # Each takes the whole query time-out.
        _assert_unavailable_everywhere(api, ["/v1/readings?device=a"])
    finally:
        stack.kill("cassandra", signal.SIGCONT)
    wait_until(lambda: _status(api, "/readyz") == 200, "the API to notice that Cassandra is back")
    assert len(api.items("/v1/readings", device=device, start=NOON, end=NOON + 1)) == 1


def test_a_killed_cassandra_is_503_until_it_is_back_also_for_an_api_that_starts_meanwhile(
    api: Api, stack: Stack, device: str
) -> None:
    stack.kill("cassandra")
    try:
        _assert_unavailable_everywhere(api)
        stack.kill("serve_api", signal.SIGTERM)
        start_api(stack)
        wait_until(lambda: _status(api, "/healthz") == 200, "the API to start without Cassandra")
        _assert_unavailable_everywhere(api)
    finally:
        stack.start("cassandra")
        stack.wait_ready("cassandra")
    wait_until(lambda: _status(api, "/readyz") == 200, "the API to find Cassandra")
    assert api.items("/v1/readings", device=device, start=NOON, end=NOON + 1) == []


def test_a_put_without_kafka_is_503_and_works_again_with_it(
    api: Api, stack: Stack, tables: Tables, device: str
) -> None:
    body, judged = {"type": "host"}, secrets.token_hex(16)
    tables.write(anomaly(device, NOON, judged))
    stack.kill("kafka", signal.SIGSTOP)
    try:
        _assert_unavailable(api.put(f"/v1/devices/{device}", body), "unconfirmed")
        _assert_unavailable(api.post(f"/v1/anomalies/{judged}/feedback", {"verdict": "true"}), "unconfirmed")
        _assert_unavailable(api.get("/v1/live/anomalies"), "Kafka")
        assert _status(api, "/v1/devices") == 200
    finally:
        stack.kill("kafka", signal.SIGCONT)
    wait_until(lambda: api.put(f"/v1/devices/{device}", body).status_code == 202, "a PUT to be confirmed")


def test_a_live_stream_outlives_kafka(api: Api, stack: Stack, device: str) -> None:
    url = f"{api.url}/v1/live/readings?device={device}"
    # After a standstill Kafka's partitions get their leader back one by one.
    wait_until(lambda: _opens(url), "a live stream to open")
    with following(url) as stream:
        stack.kill("kafka")
        try:
            stream.wait_for_comment("heartbeat")
        finally:
            stack.start("kafka")
            stack.wait_ready("kafka")
        with appending(stack.brokers) as pipeline:
            pipeline.append(reading(device, NOON))
        assert stream.wait_for("reading")[0].data["device"] == device


def _opens(url: str) -> bool:
    with following(url):
        return True
