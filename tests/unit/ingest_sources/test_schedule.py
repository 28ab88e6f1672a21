"""When a source runs again: intervals, cron with zones, and what was missed."""

import random
from datetime import datetime

import pytest
from pydantic import ValidationError

from ingest_sources.schedule import Schedule

DAY = "2026-03-28"


def us(text: str) -> int:
    """Microseconds of an ISO time with a zone."""
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def next_run(schedule: Schedule, last: str | None, now: str) -> int:
    return schedule.next_run(us(last) if last else 0, us(now))


def test_interval_counts_from_the_begin_of_the_last_run() -> None:
    schedule = Schedule(every_seconds=60)
    assert next_run(schedule, f"{DAY}T10:00:00Z", f"{DAY}T10:00:20Z") == us(f"{DAY}T10:01:00Z")
    assert next_run(schedule, None, f"{DAY}T10:00:20Z") == us(f"{DAY}T10:00:20Z")


def test_cron_is_of_its_zone_also_where_the_clocks_change() -> None:
    """Half past two at night does not exist on 29 March 2026 in Oslo."""
    schedule = Schedule(cron="30 6 * * *", zone="Europe/Oslo")
    assert next_run(schedule, f"{DAY}T05:30:00Z", f"{DAY}T06:00:00Z") == us("2026-03-29T04:30:00Z")
    assert next_run(schedule, None, f"{DAY}T05:29:00Z") == us(f"{DAY}T05:30:00Z")


@pytest.mark.parametrize(
    ("given", "run", "skip"),
    [
        ({"every_seconds": 3600}, "10:00:00", "14:00:00"),
        ({"cron": "15 * * * *"}, "09:15:00", "14:15:00"),
    ],
)
def test_missed_runs_are_one_run_at_once_or_none(given: dict[str, object], run: str, skip: str) -> None:
    last, now = f"{DAY}T09:00:00Z", f"{DAY}T13:20:00Z"
    assert next_run(Schedule.model_validate(given), last, now) == us(f"{DAY}T{run}Z")
    assert next_run(Schedule.model_validate({**given, "missed": "skip"}), last, now) == us(f"{DAY}T{skip}Z")


def test_jitter_is_within_its_bound() -> None:
    delays = {Schedule(every_seconds=1, jitter_seconds=5).delay_s(random.Random(seed)) for seed in range(20)}
    assert len(delays) == 20 and min(delays) >= 0 and max(delays) <= 5


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "either `every_seconds` or `cron`"),
        ({"every_seconds": 5, "cron": "* * * * *"}, "either `every_seconds` or `cron`"),
        ({"cron": "61 * * * *"}, "no cron expression"),
        ({"cron": "* * * * *", "zone": "Oslo"}, "no time zone"),
    ],
)
def test_mistake_says_what_is_right(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Schedule.model_validate(given)
