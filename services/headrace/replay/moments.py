"""The times that a replay is asked for: ISO 8601, seconds and smaller units since 1970, `start` and `now`."""

from datetime import UTC, datetime

from headrace.clock import MICROSECONDS
from headrace.errors import ConfigurationError

START, NOW = "start", "now"
_SECONDS_BELOW = 1e11
"""Epoch numbers are s, ms, µs or ns by their magnitude, as in payloads."""


def parse_moment(text: str) -> str:
    """The one spelling of a moment: `start`, `now`, or ISO 8601 in UTC; a text without a zone is UTC.

    Raises:
        ConfigurationError: it is none.
    """
    text = text.strip()
    if text in (START, NOW):
        return text
    try:
        moment = _of_number(float(text)) if _is_number(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ConfigurationError(
            f"{text!r} is no time: give ISO 8601 such as 2026-11-20T00:00Z, seconds since 1970, `start` or `now`"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def moment_us(moment: str, now_us: int) -> int:
    """A parsed moment in microseconds UTC; `start` is before every record."""
    if moment == START:
        return 0
    return now_us if moment == NOW else round(datetime.fromisoformat(moment).timestamp() * MICROSECONDS)


def show_us(us: int) -> str:
    """A time for people, to the second, UTC."""
    return datetime.fromtimestamp(us // MICROSECONDS, UTC).isoformat().replace("+00:00", "Z")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _of_number(number: float) -> datetime:
    while number >= _SECONDS_BELOW:
        number /= 1_000
    return datetime.fromtimestamp(number, UTC)
