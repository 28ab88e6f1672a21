"""`/v1/windows` on real tables."""

import pytest

from tests.integration.serve_api.client import Api
from tests.integration.serve_api.tables import HOUR_US, SECOND_US, Tables, window

pytestmark = pytest.mark.integration

DAY_US = 24 * HOUR_US
MIDNIGHT = 1_769_817_600_000_000  # 2026-01-31T00:00:00Z, the beginning of a partition of 60 s windows
MINUTE_US = 60 * SECOND_US


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_over_partition_borders_are_all_windows_once_in_order(
    api: Api, tables: Tables, device: str, order: str
) -> None:
    starts = [MIDNIGHT + minute * MINUTE_US for minute in range(-10, 10)] + [MIDNIGHT + 3 * DAY_US]
    tables.write(*(window(device, start, metric=metric) for start in starts for metric in ("a", "b", "c")))

    pages = list(
        api.pages(
            "/v1/windows", device=device, start=MIDNIGHT - DAY_US, end=MIDNIGHT + 4 * DAY_US, order=order, limit=4
        )
    )

    found = [(row["time"], row["metric"]) for page in pages for row in page]
    assert all(len(page) <= 4 for page in pages)
    assert len(found) == 3 * len(starts)
    assert found == sorted(set(found), reverse=order == "desc")


def test_a_window_belongs_to_the_range_that_holds_its_beginning(api: Api, tables: Tables, device: str) -> None:
    tables.write(*(window(device, MIDNIGHT + minute * MINUTE_US) for minute in range(4)))
    found = api.items(
        "/v1/windows", device=device, start=MIDNIGHT + MINUTE_US, end=MIDNIGHT + 3 * MINUTE_US, order="asc"
    )
    assert [row["time"] for row in found] == ["2026-01-31T00:01:00.000000Z", "2026-01-31T00:02:00.000000Z"]


def test_widths_are_apart_and_the_highest_revision_counts(api: Api, tables: Tables, device: str) -> None:
    tables.write(window(device, MIDNIGHT, 10), window(device, MIDNIGHT, 60, revision=2), window(device, MIDNIGHT, 60))

    (narrow,) = api.items("/v1/windows", device=device, width=10, start=MIDNIGHT, end=MIDNIGHT + HOUR_US)
    (wide,) = api.items("/v1/windows", device=device, start=MIDNIGHT, end=MIDNIGHT + HOUR_US, metric="temperature")

    assert (narrow["width"], narrow["end"]) == (10.0, "2026-01-31T00:00:10.000000Z")
    assert (wide["width"], wide["revision"]) == (60.0, 2)
    assert wide == {
        "time": "2026-01-31T00:00:00.000000Z",
        "time_ms": 1_769_817_600_000,
        "end": "2026-01-31T00:01:00.000000Z",
        "width": 60.0,
        "device": device,
        "metric": "temperature",
        "count": 6,
        "min": 1.0,
        "max": 3.0,
        "mean": 2.0,
        "stddev": 0.5,
        "last": 2.5,
        "last_time": "2026-01-31T00:00:59.999999Z",
        "unit": "Cel",
        "revision": 2,
        "final": False,
    }


def test_a_year_of_a_silent_device_is_answered(api: Api, device: str) -> None:
    assert api.items("/v1/windows", device=device, start=MIDNIGHT - 366 * DAY_US, end=MIDNIGHT) == []
