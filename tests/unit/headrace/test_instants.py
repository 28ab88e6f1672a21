"""Points in time, however they are written."""

import pytest

from headrace.instants import FIRST_US, LAST_US, iso_of, parse_any_instant, parse_instant

NOON = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.000000Z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T13:00:00 01:00",
        "1769860800",
        "1769860800000",
        "1769860800000000",
        "1769860800000000000",
        "1769860800.0",
        "1.7698608e9",
    ],
)
def test_every_way_to_write_a_time_is_the_same_time(text: str) -> None:
    assert parse_instant(text) == parse_any_instant(text) == NOON


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("2026-01-31T12:00:00", "no zone"),
        ("2026-01-31", "no zone"),
        ("yesterday", "ISO 8601"),
        ("", "ISO 8601"),
        ("-1", "1970"),
        ("NaN", "no time"),
        ("Infinity", "too large"),
        ("1" * 30, "too large"),
        ("1e9999999", "too large"),
        ("x" * 1_000, "^'x{80}' is no time"),
        (True, "no time"),
        (["2026-01-31T12:00:00Z"], "no time"),
        ("9999-12-31T23:00:00Z", "9999"),
        ("1_769_860_800", "no time"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(text: object, tells: str) -> None:
    with pytest.raises(ValueError, match=tells):
        parse_instant(text)


@pytest.mark.parametrize("instant", [FIRST_US, -300_000_000_000_001, -1, 0, 1, NOON + 123_456, LAST_US])
def test_a_time_of_the_years_1_to_9999_is_read_back_as_it_is_written(instant: int) -> None:
    assert parse_any_instant(iso_of(instant)) == instant


@pytest.mark.parametrize("text", ["-99999999999", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_a_time_before_or_after_those_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        parse_any_instant(text)
