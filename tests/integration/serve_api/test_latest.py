"""`/v1/latest` on real tables."""

import secrets

import pytest

from tests.integration.serve_api.client import Api
from tests.integration.serve_api.tables import SECOND_US, Tables, reading

pytestmark = pytest.mark.integration

BEGIN = 1_769_860_800_000_000


def test_the_newest_event_time_of_each_metric_counts(api: Api, tables: Tables, device: str) -> None:
    tables.write(reading(device, BEGIN + SECOND_US, 2.5), reading(device, BEGIN, 99, metric="humidity"))
    tables.write(reading(device, BEGIN, 1.5))

    rows = api.items("/v1/latest", device=device)

    assert [(row["metric"], row["value"], row["time_ms"]) for row in rows] == [
        ("humidity", 99, BEGIN // 1_000),
        ("temperature", 2.5, BEGIN // 1_000 + 1_000),
    ]
    assert api.items("/v1/latest", device=device, metric="humidity") == rows[:1]


def test_pages_over_all_devices_hold_each_metric_once(api: Api, tables: Tables) -> None:
    prefix = f"tests/latest-{secrets.token_hex(4)}"
    metrics = ("a", "b", "c")
    names = [f"{prefix}/{number}" for number in range(100)]
    tables.write(*(reading(name, BEGIN, metric=metric) for name in names for metric in metrics))

    pages = list(api.pages("/v1/latest", limit=7))

    found = [(row["device"], row["metric"]) for page in pages for row in page if row["device"].startswith(prefix)]
    assert all(len(page) <= 7 for page in pages)
    assert sorted(found) == sorted((name, metric) for name in names for metric in metrics)
    runs = [device for index, (device, _) in enumerate(found) if index == 0 or found[index - 1][0] != device]
    assert len(runs) == len(names), "a device's metrics stay together"


def test_one_metric_of_all_devices(api: Api, tables: Tables) -> None:
    metric = f"m-{secrets.token_hex(4)}"
    names = [f"tests/{secrets.token_hex(6)}" for _ in range(5)]
    tables.write(*(reading(name, BEGIN, metric=m) for name in names for m in (metric, "other")))
    assert sorted(row["device"] for row in api.items("/v1/latest", metric=metric)) == sorted(names)


def test_a_device_that_nobody_knows_has_no_items(api: Api, device: str) -> None:
    assert api.items("/v1/latest", device=device) == []
