"""`/v1/anomalies` on real tables, and what operators say of them in the real topic."""

import json
import secrets
import time

import pytest

from deploy.local.stack import Stack
from tests.integration.serve_api.client import Api, Row
from tests.integration.serve_api.registry import records_of
from tests.integration.serve_api.tables import HOUR_US, SECOND_US, SITE, Tables, anomaly, feedback

pytestmark = pytest.mark.integration

DAY_US = 24 * HOUR_US
THURSDAY = 1_769_644_800_000_000  # 2026-01-29T00:00:00Z, the beginning of a week and thus of a device's partition


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_a_device_over_weeks(api: Api, tables: Tables, device: str, order: str) -> None:
    times = [THURSDAY + hours * HOUR_US for hours in (-400, -1, 0, 1, 400)] + [THURSDAY - 1]
    tables.write(*(anomaly(device, at, f"{at:x}{twin}") for at in times for twin in "ab"))

    pages = list(
        api.pages(
            "/v1/anomalies",
            device=device,
            start=THURSDAY - 30 * DAY_US,
            end=THURSDAY + 30 * DAY_US,
            order=order,
            limit=3,
        )
    )

    found = [(row["time"], row["id"]) for page in pages for row in page]
    assert all(len(page) <= 3 for page in pages)
    assert len(found) == 2 * len(times)
    assert found == sorted(set(found), reverse=order == "desc")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_day_of_all_devices_is_in_order_of_time(api: Api, tables: Tables, order: str) -> None:
    # A day of its own per run, as the table of all devices is shared by all tests.
    day = THURSDAY - (100 + secrets.randbelow(5_000)) * DAY_US
    devices = [f"tests/{secrets.token_hex(6)}" for _ in range(5)]
    times = [day - 1, day, day + HOUR_US, day + 23 * HOUR_US, day + DAY_US - 1, day + DAY_US]
    tables.write(*(anomaly(device, at, f"{at:x}-{device}") for at in times for device in devices))

    pages = list(api.pages("/v1/anomalies", start=day, end=day + DAY_US, order=order, limit=3))

    found = [(row["time"], row["id"]) for page in pages for row in page]
    assert {row["device"] for page in pages for row in page} == set(devices)
    assert len(found) == 4 * len(devices)
    assert found == sorted(set(found), reverse=order == "desc")


def test_one_metric_and_a_whole_row(api: Api, tables: Tables, device: str) -> None:
    at = THURSDAY + SECOND_US
    tables.write(anomaly(device, at, "id-1"), anomaly(device, at, "id-2", metric="humidity"))
    (row,) = api.items("/v1/anomalies", device=device, metric="temperature", start=at, end=at + 1)
    assert row == {
        "time": "2026-01-29T00:00:01.000000Z",
        "time_ms": 1_769_644_801_000,
        "id": "id-1",
        "device": device,
        "metric": "temperature",
        "n": 0,
        "value": 19.5,
        "expected": 4.25,
        "unit": None,
        "score": 31.2,
        "threshold": 6.0,
        "reason": "spike",
        "detector": "robust",
        "detector_version": "1",
        "verdict": None,
        "verdict_given": None,
        "verdict_by": None,
        "verdict_note": None,
    }


def test_feedback_is_in_its_topic_when_it_is_answered(api: Api, tables: Tables, stack: Stack, device: str) -> None:
    identity, before = secrets.token_hex(16), time.time_ns() // 1_000
    tables.write(anomaly(device, THURSDAY, identity))
    path = f"/v1/anomalies/{identity}/feedback"

    answers = [api.post(path, {"verdict": "false", "note": " a door "}), api.post(path, {"verdict": "true"})]

    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    records = records_of(stack.brokers, f"{SITE}/{device}".encode(), 2, "anomalies.feedback")
    assert records[0].headers() == [("schema", b"anomaly_feedback.v1")]
    first, second = (json.loads(record.value() or b"") for record in records)
    assert before <= first.pop("given") <= second.pop("given") <= time.time_ns() // 1_000
    said = {
        "id": identity,
        "site": SITE,
        "device": device,
        "metric": "temperature",
        "time": THURSDAY,
        "n": 0,
        "detector": "robust",
        "author": "local",
    }
    assert first == {**said, "verdict": "false", "note": "a door"}
    assert second == {**said, "verdict": "true"}
    row = answers[0].json()
    assert row.pop("verdict_given").endswith("Z")
    assert row == {
        "id": identity,
        "device": device,
        "metric": "temperature",
        "verdict": "false",
        "verdict_by": "local",
        "verdict_note": "a door",
    }


def _verdict(row: Row) -> tuple[object, ...]:
    return row["id"], row["verdict"], row["verdict_given"], row["verdict_by"], row["verdict_note"]


def test_the_newest_that_was_said_is_shown_with_the_anomaly(api: Api, tables: Tables, device: str) -> None:
    day = THURSDAY - (100 + secrets.randbelow(5_000)) * DAY_US
    silent, judged = anomaly(device, day, "id-1"), anomaly(device, day + 1, "id-2")
    # What was said may be stored before the anomaly is, and of one that was never stored nothing is shown.
    tables.write(
        feedback(judged, "false", THURSDAY, "why"), feedback(anomaly(device, day + 2, "id-3"), "true", THURSDAY)
    )
    tables.write(silent, judged)
    expected = [
        ("id-1", None, None, None, None),
        ("id-2", "false", "2026-01-29T00:00:00.000000Z", "control-room", "why"),
    ]
    span = {"start": day, "end": day + DAY_US, "order": "asc"}
    assert [_verdict(row) for row in api.items("/v1/anomalies", device=device, **span)] == expected
    assert [_verdict(row) for row in api.items("/v1/anomalies", **span)] == expected

    tables.write(feedback(judged, "expected", THURSDAY + SECOND_US))

    (_, row) = api.items("/v1/anomalies", device=device, **span)
    assert _verdict(row) == ("id-2", "expected", "2026-01-29T00:00:01.000000Z", "control-room", None)


def test_feedback_on_an_unknown_anomaly_is_404(api: Api) -> None:
    answer = api.post(f"/v1/anomalies/{secrets.token_hex(16)}/feedback", {"verdict": "false"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "/v1/anomalies" in answer.json()["detail"]
