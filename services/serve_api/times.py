"""Times in queries and answers: ISO 8601 with a zone, or epoch numbers in s, ms, µs or ns by magnitude."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from serve_api.problems import Fault, invalid

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_US = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

# Upper bound of the magnitude → microseconds per unit. 10^11 s lie in the year 5138, 10^11 ms in 1973.
_UNITS = ((10**11, Decimal(1_000_000)), (10**14, Decimal(1_000)), (10**17, Decimal(1)), (10**20, Decimal("0.001")))


def parse_instant(text: object) -> int:
    """Reads a point in time as microseconds since 1970 UTC.

    Raises:
        ValueError: neither ISO 8601 with a zone nor an epoch number, or outside the years 1970 to 9999.
    """
    given = str(text).strip()
    try:
        instant = _from_epoch(Decimal(given))
    except InvalidOperation:
        instant = _from_iso(given)
    if not 0 <= instant < _END_US:
        raise ValueError(f"{given!r} is outside the years 1970 to 9999")
    return instant


def _from_epoch(number: Decimal) -> int:
    for bound, factor in _UNITS:
        if abs(number) < bound:
            return int(number * factor)
    raise ValueError(f"{number} is too large for an epoch number in s, ms, µs or ns")


def _from_iso(given: str) -> int:
    try:
        # A plus sign that was not percent-encoded in the URL arrives as a space.
        moment = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
    except ValueError:
        raise ValueError(
            f"{given!r} is no time; give ISO 8601 with a zone, such as 2026-01-31T12:00:00Z, or an epoch number"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{given!r} has no zone; add Z for UTC, or an offset such as %2B01:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


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
