"""time: what the clock on the wall said, as microseconds UTC; a time that never was is refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Reason
from ingest_sources.rules.apply import Cleansed
from tests.unit.ingest_sources.rules.cleansing import cleanse, details

_MICROSECOND = timedelta(microseconds=1)
_2024 = 1_704_164_645_000_000
"""2024-01-02T03:04:05Z"""


def _us(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _read(column: Sequence[Any] | pl.Series, formats: str = "iso", zone: str = "UTC") -> Cleansed:
    return cleanse(f"- time: {{from: t, formats: [{formats}], zone: {zone}}}", t=column)


def _times(column: Sequence[Any] | pl.Series, formats: str = "iso", zone: str = "UTC") -> list[int | None]:
    cleansed = _read(column, formats, zone)
    assert cleansed.bad == ()
    assert cleansed.table.schema["time"] == pl.Int64
    return cleansed.table["time"].to_list()


def test_columns_are_joined_by_a_space() -> None:
    rule = "- time: {from: [d, t], formats: ['%d/%m/%Y %H.%M.%S'], zone: Europe/Rome, into: at}"
    table = cleanse(rule, d=["02/01/2024", "2/1/2024", None], t=["04.04.05", "4.04.05", "1"]).table
    assert table["at"].to_list() == [_2024, _2024, None]
    assert "d" in table.columns


def test_the_first_format_that_fits_counts() -> None:
    day, month = _us(datetime(2024, 2, 1, tzinfo=UTC)), _us(datetime(2024, 1, 2, tzinfo=UTC))
    assert _times(["01/02/2024"], "'%d/%m/%Y', '%m/%d/%Y'") == [day]
    assert _times(["01/02/2024"], "'%m/%d/%Y', '%d/%m/%Y'") == [month]
    assert _times(["13/02/2024", "02/13/2024"], "'%d/%m/%Y', '%m/%d/%Y'") == [day + 12 * 86_400_000_000] * 2


def test_what_fits_no_format_is_refused_as_invalid_time() -> None:
    cleansed = _read(["2024-02-30", "2024-02-29", None], "iso, '%d.%m.%Y'")
    assert details(cleansed) == {1: "time: t is '2024-02-30', which fits none of iso, %d.%m.%Y"}
    assert cleansed.bad[0].reason is Reason.INVALID_TIME
    assert cleansed.table["time"].null_count() == 1


def test_a_local_time_that_occurs_twice_is_the_earlier() -> None:
    # Rome's clocks went from 03:00 summer time back to 02:00.
    assert _times(["2008-10-26 02:30:00"], zone="Europe/Rome") == [_us(datetime(2008, 10, 26, 0, 30, tzinfo=UTC))]


def test_a_local_time_that_the_clocks_skip_is_refused_and_no_other_format_tried() -> None:
    cleansed = _read(["09/03/2008 02.30", "09/03/2008 03.30"], "'%d/%m/%Y %H.%M', '%m/%d/%Y %H.%M'", "America/New_York")
    assert details(cleansed) == {1: "time: t is '09/03/2008 02.30', which the clocks of America/New_York skip"}


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)), min_size=1))
def test_local_times_are_what_python_makes_of_them(times: list[datetime]) -> None:
    zone = ZoneInfo("America/New_York")
    exists = [time for time in times if _exists(time, zone)]
    cleansed = _read([time.isoformat() for time in times], zone="America/New_York")
    assert cleansed.table["time"].to_list() == [_us(time.replace(tzinfo=zone)) for time in exists]
    assert len(cleansed.bad) == len(times) - len(exists)


def _exists(time: datetime, zone: ZoneInfo) -> bool:
    return time.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T03:04:05Z",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:05.000Z",
        "2024-01-02T04:04:05+01:00",
        "2024-01-02T04:04:05+0100",
        "2024-01-02T04:04:05+01",
        "2024-01-01T22:04:05-05:00",
        "20240102T030405Z",
        "2024-01-02T04:04:05",
        "2024-01-02 04:04:05.000000",
        "20240102T040405",
    ],
)
def test_iso_is_read_as_the_world_writes_it(text: str) -> None:
    # Rome is an hour ahead; a zone in the text counts more than the rule's.
    assert _times([text], zone="Europe/Rome") == [_2024]


def test_iso_of_several_forms_in_one_column() -> None:
    texts = ["2024-01-02T03:04:05Z", None, "2024-01-02", "2024-01-02 00:00", "20240102", "2024-01-02T03:04:05.1234567Z"]
    midnight = _us(datetime(2024, 1, 2, tzinfo=UTC))
    assert _times(texts) == [_2024, None, midnight, midnight, midnight, _2024 + 123_456]


@pytest.mark.parametrize(
    "text", ["24-1-2", "2024-1-2", "2024-01-02T25:00:00", "2024-01", "", "2024-01-02T03:04:05+99:00"]
)
def test_what_only_looks_like_iso_is_refused(text: str) -> None:
    assert len(_read([text]).bad) == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1704164645", _2024),
        ("1704164645000", _2024),
        ("1704164645000000", _2024),
        ("1704164645000000999", _2024),
        ("1704164645.25", _2024 + 250_000),
        ("99999999999", 99_999_999_999_000_000),
        ("100000000000", 100_000_000_000_000),
        ("99999999999999", 99_999_999_999_999_000),
        ("100000000000000", 100_000_000_000_000),
        ("99999999999999999", 99_999_999_999_999_999),
        ("100000000000000000", 100_000_000_000_000),
        ("0", 0),
        ("4.1", 4_100_000),
        ("-1", -1_000_000),
        ("-1704164645000000001", -_2024 - 1),
    ],
)
def test_the_unit_of_an_epoch_number_follows_from_its_magnitude(number: str, expected: int) -> None:
    assert _times([number], "epoch", "Europe/Rome") == [expected]
    if "." not in number:
        assert _times([int(number)], "epoch") == [expected]
    # A float has no more digits of a microsecond than these.
    if len(number) < 14:
        assert _times([float(number)], "epoch") == [expected]


@pytest.mark.parametrize("text", ["nan", "1e9", "9" * 19, "-9223372036854775808", "9" * 30, "", "1.2.3"])
def test_what_is_no_epoch_number_is_refused(text: str) -> None:
    assert len(_read([text], "epoch").bad) == 1


def test_epoch_and_iso_stand_side_by_side() -> None:
    assert _times(["1704164645", "2024-01-02T03:04:05Z"], "iso, epoch") == [_2024, _2024]


def test_typed_columns_need_no_format() -> None:
    local, zoned = pl.Series([datetime(2024, 1, 2, 4, 4, 5)]), pl.Series([datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)])
    assert _times(local, zone="Europe/Rome") == [_2024]
    assert _times(zoned, zone="Europe/Rome") == [_2024]
    assert _times(pl.Series([date(2024, 1, 2)]), zone="Europe/Rome") == [_us(datetime(2024, 1, 1, 23, tzinfo=UTC))]


def test_a_format_with_a_zone_counts_more_than_the_rules_zone() -> None:
    assert _times(["02.01.2024 04:04:05 +0100"], "'%d.%m.%Y %H:%M:%S %z'", "Asia/Tokyo") == [_2024]


@pytest.mark.parametrize("column", [[], [None, None]])
def test_a_column_without_values_gives_int64(column: list[None]) -> None:
    assert _times(column, "iso, epoch, '%d.%m.%Y'", "Europe/Rome") == column
