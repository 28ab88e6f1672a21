"""`/v1/readings` on real tables."""

import random

import pytest

from tests.integration.serve_api.client import Api
from tests.integration.serve_api.tables import HOUR_US, SECOND_US, Tables, reading

pytestmark = pytest.mark.integration

BEGIN = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z, the beginning of an hour and thus of a partition
MINUTE_US = 60 * SECOND_US

Key = tuple[str, int, str]


def _key(row: dict[str, object]) -> Key:
    return (str(row["time"]), int(str(row["n"])), str(row["metric"]))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_pages_over_partition_borders_are_all_readings_once_in_order(
    api: Api, tables: Tables, device: str, order: str, limit: int
) -> None:
    times = [BEGIN + minute * 20 * MINUTE_US for minute in range(9)]
    times += [BEGIN + HOUR_US - 1, BEGIN + HOUR_US + 1, BEGIN + 30 * HOUR_US]
    written = [reading(device, at, metric=metric) for at in times for metric in ("humidity", "temperature")]
    written += [reading(device, BEGIN + HOUR_US, value=9.5, n=1), reading(device, BEGIN + HOUR_US, value=7.5, n=2**40)]
    tables.write(*written)

    pages = list(
        api.pages("/v1/readings", device=device, start=BEGIN, end=BEGIN + 31 * HOUR_US, order=order, limit=limit)
    )

    rows = [row for page in pages for row in page]
    assert all(len(page) <= limit for page in pages)
    assert len(rows) == len(written)
    assert [_key(row) for row in rows] == sorted({_key(row) for row in rows}, reverse=order == "desc")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_more_readings_of_one_time_than_a_page_holds(api: Api, tables: Tables, device: str, order: str) -> None:
    written = [reading(device, BEGIN, value=float(n), n=n) for n in range(25)]
    tables.write(*written)

    pages = api.pages("/v1/readings", device=device, start=BEGIN, end=BEGIN + 1, order=order, limit=4)

    assert sorted(row["n"] for page in pages for row in page) == list(range(25))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_stay_true_while_readings_come_in(api: Api, tables: Tables, device: str, order: str) -> None:
    written = [reading(device, BEGIN + index * SECOND_US) for index in range(20)]
    tables.write(*written)
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - with it the run can be repeated
    late = random.Random(seed)

    seen: list[str] = []
    for page in api.pages("/v1/readings", device=device, start=BEGIN, end=BEGIN + HOUR_US, order=order, limit=3):
        seen += [row["time"] for row in page]
        tables.write(*(reading(device, BEGIN + late.randrange(20 * SECOND_US)) for _ in range(3)))

    assert len(seen) == len(set(seen))
    assert {row["time"] for row in api.items("/v1/readings", device=device, start=BEGIN, end=BEGIN + HOUR_US)} >= set(
        seen
    )
    assert len([time for time in seen if time.endswith(".000000Z")]) >= len(written)


def test_from_is_in_the_range_and_to_is_not(api: Api, tables: Tables, device: str) -> None:
    tables.write(*(reading(device, BEGIN + offset, value=offset) for offset in (-1, 0, 1, HOUR_US - 1, HOUR_US)))

    def values(start: int, end: int) -> list[int]:
        found = api.items("/v1/readings", device=device, start=start, end=end, order="asc")
        return [row["value"] for row in found]

    assert values(BEGIN, BEGIN + HOUR_US) == [0, 1, HOUR_US - 1]
    assert values(BEGIN - 1, BEGIN + HOUR_US + 1) == [-1, 0, 1, HOUR_US - 1, HOUR_US]
    assert values(BEGIN, BEGIN + 1) == [0]
    assert values(BEGIN + 2, BEGIN + 3) == []


def test_a_time_may_be_written_in_every_way(api: Api, tables: Tables, device: str) -> None:
    tables.write(reading(device, BEGIN))
    for start, end in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000001Z"),
        ("2026-01-31T13:00:00+01:00", "2026-01-31T13:01:00+01:00"),
        ("1769860800", "1769860801"),
        ("1769860800000", "1769860800001"),
        (str(BEGIN * 1_000), str(BEGIN * 1_000 + 1_000)),
    ]:
        assert len(api.items("/v1/readings", device=device, start=start, end=end)) == 1, (start, end)


def test_one_metric_among_several(api: Api, tables: Tables, device: str) -> None:
    tables.write(*(reading(device, BEGIN + i * SECOND_US, metric=("a", "b", "c")[i % 3]) for i in range(30)))

    pages = list(api.pages("/v1/readings", device=device, metric="b", start=BEGIN, end=BEGIN + HOUR_US, limit=4))

    assert [row["metric"] for page in pages for row in page] == ["b"] * 10
    assert api.items("/v1/readings", device=device, metric="d", start=BEGIN, end=BEGIN + HOUR_US) == []


@pytest.mark.parametrize("value", [21.5, 17, 2**62, True, False, "ON", "nötig", "", 0, 0.0])
def test_a_value_keeps_its_kind(api: Api, tables: Tables, device: str, value: float | int | bool | str) -> None:
    tables.write(reading(device, BEGIN, value=value))
    (row,) = api.items("/v1/readings", device=device, start=BEGIN, end=BEGIN + 1)
    assert row["value"] == value
    assert type(row["value"]) is type(value)


def test_a_row_says_all_that_is_known(api: Api, tables: Tables, device: str) -> None:
    full = reading(device, BEGIN + 250_001)
    full.unit, full.seq, full.message_id, full.flags = "Cel", 17, "m-1", ("stuck", "out_of_range")
    tables.write(full)
    (row,) = api.items("/v1/readings", device=device, start=BEGIN, end=BEGIN + SECOND_US)
    assert row == {
        "time": "2026-01-31T12:00:00.250001Z",
        "time_ms": 1_769_860_800_250,
        "device": device,
        "metric": "temperature",
        "value": 1.5,
        "unit": "Cel",
        "flags": ["stuck", "out_of_range"],
        "n": 0,
        "seq": 17,
        "message_id": "m-1",
        "time_source": "device",
        "received": "2026-01-31T12:00:00.251001Z",
    }


def test_the_longest_range_of_a_silent_device_is_answered(api: Api, device: str) -> None:
    assert api.items("/v1/readings", device=device, start=BEGIN, end=BEGIN + 31 * 24 * HOUR_US) == []


def test_a_large_page_is_whole(api: Api, tables: Tables, device: str) -> None:
    tables.write(*(reading(device, BEGIN + i * 1_000, value=float(i)) for i in range(12_000)))
    pages = list(api.pages("/v1/readings", device=device, start=BEGIN, end=BEGIN + HOUR_US, order="asc", limit=10_000))
    assert [len(page) for page in pages] == [10_000, 2_000]
    assert [row["value"] for page in pages for row in page] == [float(i) for i in range(12_000)]
