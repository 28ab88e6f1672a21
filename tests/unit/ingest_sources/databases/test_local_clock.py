"""Local times pass once, whatever clocks show twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest_sources.databases.local_clock import passed_until

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Oslo", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("Europe/Oslo", datetime(2026, 3, 28, 22, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC)),  # by half an hour
        ("America/Havana", datetime(2026, 11, 1, 2, tzinfo=UTC)),  # an hour that begins a day
        ("UTC", datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ],
)
def test_each_mark_is_passed_after_it_was_shown_for_the_last_time(zone: str, start: datetime) -> None:
    """A reader each 7 minutes of a clock that marks a row each minute: each row once."""
    clock = ZoneInfo(zone)
    moments = [start + minute * MINUTE for minute in range(600)]
    written: list[tuple[datetime, datetime]] = []
    found: list[tuple[datetime, datetime]] = []
    behind = datetime.min
    for count, moment in enumerate(moments):
        if count % 7 == 0:
            upto = passed_until(moment, clock)
            assert upto >= behind
            found += [row for row in written if behind <= row[0] < upto]
            behind = upto
        written.append((moment.astimezone(clock).replace(tzinfo=None), moment))
    assert sorted(moment for _, moment in found) == [moment for mark, moment in written if mark < behind]
    assert len(found) > 500


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-24T23:59:59.999999+00:00", "2026-10-25T01:59:59.999999"),
        ("2026-10-25T00:00:00+00:00", "2026-10-25T02:00:00"),
        ("2026-10-25T00:59:59.999999+00:00", "2026-10-25T02:00:00"),
        ("2026-10-25T01:00:00+00:00", "2026-10-25T02:00:00"),
        ("2026-10-25T01:59:59.999999+00:00", "2026-10-25T02:00:00"),
        ("2026-10-25T02:00:00.000001+00:00", "2026-10-25T03:00:00.000001"),
    ],
)
def test_in_the_hour_that_oslo_repeats_nothing_of_it_has_passed(now: str, expected: str) -> None:
    assert passed_until(datetime.fromisoformat(now), ZoneInfo("Europe/Oslo")) == datetime.fromisoformat(expected)
