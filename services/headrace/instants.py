"""Points in time as people and machines write them: ISO 8601 with a zone, or epoch numbers in s, ms, µs or ns."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_US = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The years 1 to 9999: what a time in a row of data may be."""
_MAX_SHOWN = 80

# Upper bound of the magnitude → microseconds per unit. 10^11 s lie in the year 5138, 10^11 ms in 1973.
_UNITS = ((10**11, Decimal(1_000_000)), (10**14, Decimal(1_000)), (10**17, Decimal(1)), (10**20, Decimal("0.001")))


def parse_instant(value: object) -> int:
    """Reads a point in time as microseconds since 1970 UTC; the unit of an epoch number follows from its magnitude.

    Raises:
        ValueError: neither ISO 8601 with a zone nor an epoch number, or outside the years 1970 to 9999.
    """
    instant = _read(value)
    if not 0 <= instant < _END_US:
        raise ValueError(f"{_shown(str(value).strip())} is outside the years 1970 to 9999")
    return instant


def parse_any_instant(value: object) -> int:
    """The same of a time in a row of data, such as a date of birth: from `FIRST_US` to `LAST_US`.

    Raises:
        ValueError: neither ISO 8601 with a zone nor an epoch number, or outside the years 1 to 9999.
    """
    instant = _read(value)
    if not FIRST_US <= instant <= LAST_US:
        raise ValueError(f"{_shown(str(value).strip())} is outside the years 1 to 9999")
    return instant


def iso_of(instant: int) -> str:
    """Microseconds since 1970 UTC as ISO 8601 in UTC, from which every parse here makes the same again."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds")[:-6] + "Z"


def _read(value: object) -> int:
    given = str(value).strip()
    try:
        # Python alone takes 1_000 for a number.
        return _from_epoch(Decimal(given.replace("_", "?")))
    except InvalidOperation:
        return _from_iso(given)


def _from_epoch(number: Decimal) -> int:
    for bound, factor in _UNITS:
        # `abs` would raise where an exponent is outside the context's.
        if -bound < number < bound:
            return int(number * factor)
    raise ValueError(f"{_shown(str(number))} is too large for an epoch number in s, ms, µs or ns")


def _from_iso(given: str) -> int:
    try:
        # A plus sign that was not percent-encoded in a URL arrives as a space.
        moment = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
    except ValueError:
        raise ValueError(
            f"{_shown(given)} is no time; give ISO 8601 with a zone, such as 2026-01-31T12:00:00Z, or an epoch number"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{_shown(given)} has no zone; add Z for UTC, or an offset such as +01:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _shown(given: str) -> str:
    return repr(given[:_MAX_SHOWN])
