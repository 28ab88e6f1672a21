"""How times of payloads are read."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Reason
from tests.unit.process_readings.decode.payloads import RECEIVED, readings_of, refusal_of

BERLIN = ZoneInfo("Europe/Berlin")


def time_of(text: str, zone: tzinfo = UTC, received: int = RECEIVED) -> int:
    (reading,) = readings_of(f'{{"ts": {text}, "t": 1}}', zone=zone, received=received)
    assert reading.time_source == "device"
    return reading.time


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    "number",
    [
        *("1594598726", "1594598726000", "1594598726000000", "1594598726000000000", "1594598726.0", "1.594598726e12"),
        *('"1594598726"', '"1594598726000"', '"1594598726.000"', '" 1594598726 "'),
    ],
)
def test_epoch_numbers_are_read_by_magnitude(number: str) -> None:
    assert time_of(number) == 1_594_598_726_000_000


def test_fractions_are_rounded_to_the_microsecond() -> None:
    assert time_of("1594598726.5393324") == 1_594_598_726_539_332
    assert time_of("1594598726539.3324") == 1_594_598_726_539_332
    assert time_of("1594598726539332499") == 1_594_598_726_539_332


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20+00:00"),
        ("2023-11-14 22:13:20+02:00", "2023-11-14T20:13:20+00:00"),
        ("2021-07-08T11:17:58.984396504Z", "2021-07-08T11:17:58.984396+00:00"),
        ("20231114T221320Z", "2023-11-14T22:13:20+00:00"),
        ("20231114", "2023-11-14T00:00:00+00:00"),
        ("2023-11-14", "2023-11-14T00:00:00+00:00"),
    ],
)
def test_iso_8601_is_read(text: str, utc: str) -> None:
    assert time_of(f'"{text}"') == micros(utc)


def test_time_without_a_zone_is_the_devices_own() -> None:
    assert time_of('"2023-07-14T12:00:00"') == micros("2023-07-14T12:00:00+00:00")
    assert time_of('"2023-07-14T12:00:00"', BERLIN) == micros("2023-07-14T10:00:00+00:00")
    assert time_of('"2023-07-14T12:00:00Z"', BERLIN) == micros("2023-07-14T12:00:00+00:00")


@pytest.mark.parametrize(
    ("received", "utc"),
    [
        ("2023-10-29T00:30:05+00:00", "2023-10-29T00:30:00+00:00"),
        ("2023-10-29T01:30:05+00:00", "2023-10-29T01:30:00+00:00"),
        ("2023-11-20T00:00:00+00:00", "2023-10-29T01:30:00+00:00"),
    ],
)
def test_time_that_occurs_twice_is_the_one_nearer_to_the_receive_time(received: str, utc: str) -> None:
    assert time_of('"2023-10-29T02:30:00"', BERLIN, micros(received)) == micros(utc)


def test_time_that_never_occurs_has_the_offset_before_the_change() -> None:
    assert time_of('"2023-03-26T02:30:00"', BERLIN) == micros("2023-03-26T01:30:00+00:00")


@pytest.mark.parametrize("text", ["0", "12", "-3", "389180", '"1970-01-01T00:00:09"', '"1999-12-31T23:59:59Z"', '"0"'])
def test_clock_that_is_not_set_gives_way_to_the_receive_time(text: str) -> None:
    (reading,) = readings_of(f'{{"ts": {text}, "t": 1}}')
    assert (reading.time, reading.time_source, reading.flags) == (RECEIVED, "received", ("clock_unset",))


def test_clock_far_in_the_future_is_left_to_the_cleaning() -> None:
    assert time_of('"9999-12-31T23:59:59Z"') == micros("9999-12-31T23:59:59+00:00")


@pytest.mark.parametrize("text", ['"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"1e400"', "1e308"])
def test_ends_of_the_calendar_do_no_harm(text: str) -> None:
    body = f'{{"ts": {text}, "t": 1}}'
    if "0001" in text:
        assert readings_of(body)[0].flags == ("clock_unset",)
    else:
        assert refusal_of(body) is Reason.INVALID_TIME


@pytest.mark.parametrize("number", [99_999_999_999, 99_999_999_999_999, 99_999_999_999_999_999])
def test_magnitudes_change_where_the_smaller_unit_gives_1973(number: int) -> None:
    assert time_of(str(number)) // 1_000_000 == 99_999_999_999
    (reading,) = readings_of(f'{{"ts": {number + 1}, "t": 1}}')
    assert reading.flags == ("clock_unset",)
