"""Times in queries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.instants import parse_instant
from serve_api.problems import Problem
from serve_api.times import DAY_US, HOUR_US, RangeLimits, TimeRange, iso, resolve_range

NOON = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
LIMITS = RangeLimits(default=HOUR_US, longest=DAY_US)


@settings(deadline=None)
@given(st.integers(0, 250_000_000_000_000_000))
def test_a_time_that_was_answered_can_be_asked_for(instant: int) -> None:
    assert parse_instant(iso(instant)) == instant


def test_iso_times_sort_as_text() -> None:
    instants = [0, 1, 999_999, 1_000_000, NOON, NOON + 1]
    assert sorted(map(iso, instants)) == [iso(instant) for instant in instants]


def test_what_is_left_out_is_the_default_length_until_now() -> None:
    assert resolve_range(None, None, NOON, LIMITS) == TimeRange(NOON - HOUR_US, NOON)
    assert resolve_range(None, 5 * HOUR_US, NOON, LIMITS) == TimeRange(4 * HOUR_US, 5 * HOUR_US)
    assert resolve_range(NOON - 5, None, NOON, LIMITS) == TimeRange(NOON - 5, NOON)


@pytest.mark.parametrize(
    ("start", "end", "tells"),
    [
        (NOON, NOON, "not before"),
        (NOON + 1, NOON, "not before"),
        (NOON + 1, None, "not before"),
        (NOON - DAY_US - 1, NOON, "at most 1 days"),
    ],
)
def test_a_range_that_cannot_be_is_refused(start: int, end: int | None, tells: str) -> None:
    with pytest.raises(Problem, match=tells):
        resolve_range(start, end, NOON, LIMITS)


def test_the_longest_range_is_allowed() -> None:
    assert resolve_range(NOON - DAY_US, NOON, NOON, LIMITS) == TimeRange(NOON - DAY_US, NOON)
