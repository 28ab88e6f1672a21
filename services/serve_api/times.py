"""Times in queries and answers: ISO 8601 with a zone, or epoch numbers in s, ms, µs or ns by magnitude."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from headrace.clock import MICROSECONDS
from headrace.instants import parse_instant
from serve_api.problems import Fault, invalid

SECOND_US = MICROSECONDS
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(instant: int) -> str:
    """Microseconds since 1970 UTC as ISO 8601 with six decimals, which sorts as text."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds")[:-6] + "Z"


Instant = Annotated[
    int,
    BeforeValidator(parse_instant),
    WithJsonSchema(
        {
            "type": "string",
            "description": "ISO 8601 with a zone, or an epoch number in s, ms, µs or ns by magnitude",
            "examples": ["2026-01-31T12:00:00Z", "1769860800000"],
        }
    ),
]


@dataclass(frozen=True)
class TimeRange:
    """Half-open: microseconds from `start`, up to and without `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class RangeLimits:
    """How far back a query goes without `from`, and how far it may go, in microseconds."""

    default: int
    longest: int


def resolve_range(start: int | None, end: int | None, now: int, limits: RangeLimits) -> TimeRange:
    """Fills in the ends that were not given: `to` is now, `from` lies the default length before `to`.

    Raises:
        Problem: the range is empty, backwards or too long.
    """
    until = now if end is None else end
    since = max(0, until - limits.default) if start is None else start
    if since >= until:
        raise invalid(Fault("from", f"{iso(since)} is not before to={iso(until)}", "give a from that is before to"))
    if until - since > limits.longest:
        longest = limits.longest / DAY_US
        raise invalid(
            Fault("from", f"the range is {(until - since) / DAY_US:.1f} days long", f"ask for at most {longest:g} days")
        )
    return TimeRange(since, until)
