"""`/v1/anomalies` on real tables."""

import secrets

import pytest

from tests.integration.serve_api.client import Api
from tests.integration.serve_api.tables import HOUR_US, SECOND_US, Tables, anomaly

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
    }
