"""The times that a replay is asked for."""

import pytest

from headrace.errors import ConfigurationError
from headrace.replay.moments import moment_us, parse_moment, show_us

NOON_US = 1_795_521_600_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "now"),
        ("start", "start"),
        ("2026-11-24T12:00Z", "2026-11-24T12:00:00Z"),
        ("2026-11-24T13:00+01:00", "2026-11-24T12:00:00Z"),
        ("2026-11-24 12:00", "2026-11-24T12:00:00Z"),
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("1795521600", "2026-11-24T12:00:00Z"),
        ("1795521600.5", "2026-11-24T12:00:00.500000Z"),
        ("1795521600000", "2026-11-24T12:00:00Z"),
        ("1795521600000000000", "2026-11-24T12:00:00Z"),
    ],
)
def test_one_spelling_for_all_ways_to_write_a_time(text: str, moment: str) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "12:00", "-5", "1e400"])
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match="2026-11-20T00:00Z"):
        parse_moment(text)


def test_moment_is_microseconds_utc() -> None:
    assert moment_us("2026-11-24T12:00:00Z", now_us=5) == NOON_US
    assert moment_us("now", now_us=5) == 5
    assert moment_us("start", now_us=5) == 0
    assert show_us(NOON_US + 999_999) == "2026-11-24T12:00:00Z"
