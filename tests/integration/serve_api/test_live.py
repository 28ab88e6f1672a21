"""`/v1/live/…` on the real topics."""

import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.records import record_key
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import start_api
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.event_stream import following
from tests.integration.serve_api.pipeline import Pipeline, appending
from tests.integration.serve_api.tables import anomaly, reading

pytestmark = pytest.mark.integration

NOON = 1_769_860_800_000_000


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    with appending(stack.brokers) as pipeline:
        yield pipeline


def _metric(api: Api, name: str) -> float:
    text = httpx.get(f"{api.url}/metrics", timeout=TIMEOUT_S).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{"))


def test_a_reading_that_comes_after_the_subscription_is_seen(api: Api, pipeline: Pipeline, device: str) -> None:
    pipeline.append(reading(device, NOON - 1))
    with following(f"{api.url}/v1/live/readings?device={device}") as stream:
        pipeline.append(reading(f"{device}-other", NOON), reading(device, NOON, 2.5))
        pipeline.append(reading(device, NOON + 1, "ON", metric="switch"))
        found = stream.wait_for("reading", 2)

    assert [(event.data["time"], event.data["metric"], event.data["value"]) for event in found] == [
        ("2026-01-31T12:00:00.000000Z", "temperature", 2.5),
        ("2026-01-31T12:00:00.000001Z", "switch", "ON"),
    ]
    model = api.get("/openapi.json").json()["components"]["schemas"]["ReadingRow"]
    assert found[0].data.keys() == model["properties"].keys()


def test_one_metric_and_anomalies(api: Api, pipeline: Pipeline, device: str) -> None:
    with (
        following(f"{api.url}/v1/live/readings?device={device}&metric=a") as readings,
        following(f"{api.url}/v1/live/anomalies?device={device}") as anomalies,
        following(f"{api.url}/v1/live/anomalies") as everything,
    ):
        pipeline.append(reading(device, NOON, metric="b"), reading(device, NOON, metric="a"))
        pipeline.append(anomaly(device, NOON, "id-1"))
        assert [event.data["metric"] for event in readings.wait_for("reading")] == ["a"]
        assert [event.data["id"] for event in anomalies.wait_for("anomaly")] == ["id-1"]
        assert "id-1" in [event.data["id"] for event in everything.wait_for("anomaly")]
        assert not readings.named("anomaly")


def test_silence_is_filled_with_heartbeats(api: Api, device: str) -> None:
    with following(f"{api.url}/v1/live/readings?device={device}") as stream:
        stream.wait_for_comment("heartbeat")


def test_a_client_that_connects_again_is_told_since_when_it_has_a_gap(
    api: Api, pipeline: Pipeline, device: str
) -> None:
    before = time.time_ns() // 1_000_000
    with following(f"{api.url}/v1/live/readings?device={device}") as stream:
        pipeline.append(reading(device, NOON))
        (event,) = stream.wait_for("reading")
    with following(f"{api.url}/v1/live/readings?device={device}", {"Last-Event-ID": event.id}) as stream:
        (gap,) = stream.wait_for("gap")
    assert before <= gap.data["since_ms"] <= time.time_ns() // 1_000_000
    answer = httpx.get(f"{api.url}/v1/live/readings", headers={"Last-Event-ID": "x"}, timeout=TIMEOUT_S)
    assert answer.status_code == 422


def test_a_record_that_cannot_be_read_is_counted_and_the_stream_goes_on(
    api: Api, pipeline: Pipeline, device: str
) -> None:
    before = _metric(api, "headrace_api_live_drops_total")
    with following(f"{api.url}/v1/live/readings?device={device}") as stream:
        pipeline.append_bytes("readings.clean", record_key("default", device), b"{")
        pipeline.append(reading(device, NOON))
        stream.wait_for("reading")
    assert _metric(api, "headrace_api_live_drops_total") == before + 1


def test_a_client_that_leaves_is_forgotten(api: Api, device: str) -> None:
    with following(f"{api.url}/v1/live/readings?device={device}"):
        assert _metric(api, "headrace_api_live_clients") == 1
    wait_until(lambda: _metric(api, "headrace_api_live_clients") == 0, "the client to be forgotten")


def test_a_stop_ends_the_streams_at_once(api: Api, stack: Stack, device: str) -> None:
    with following(f"{api.url}/v1/live/readings?device={device}") as stream:
        begin = time.monotonic()
        stack.stop("serve_api")
        stream.wait_for("end")
        assert stream.ended.wait(5)
    assert time.monotonic() - begin < 8
    start_api(stack)
    stack.wait_ready("serve_api")
