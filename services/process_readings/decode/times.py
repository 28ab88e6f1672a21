"""Event times as payloads give them: epoch numbers by magnitude, ISO 8601 text with or without a zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from headrace.errors import Reason, TerminalError
from headrace.records import TimeSource

CLOCK_UNSET = "clock_unset"
"""Flag of a reading whose device's clock was not set yet: it takes the receive time instead."""

_CLOCK_SET_AFTER = 946_684_800_000_000
"""2000-01-01: devices without a set clock count from 1970 or 1980, and none was on MQTT before."""
YEAR_10000 = 253_402_300_800_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH_TEXT = re.compile(r"-?\d{9,}(\.\d+)?|-?\d{1,5}(\.\d+)?|0", re.ASCII)
"""Six to eight digits are a date in ISO 8601's basic form."""
_LONGEST = 25
"""Digits that are read of an epoch number as text: any more are beyond all years too."""


EventTime = tuple[int, TimeSource, tuple[str, ...]]
"""Microseconds UTC, who says so, and flags."""


def event_time(value: Any, zone: tzinfo, received: int) -> EventTime:
    """The time of a payload; null is none, so that the receive time stands in.

    Raises:
        TerminalError: the value is no time, or is after the year 9999.
    """
    if value is None:
        return received, "received", ()
    kind = value.__class__
    if kind is int or kind is float:
        time_us = epoch_us(value)
    elif kind is str:
        time_us = text_us(value.strip(), zone, received)
    else:
        raise no_time(value)
    if time_us >= YEAR_10000:
        raise no_time(value)
    if time_us < _CLOCK_SET_AFTER:
        return received, "received", (CLOCK_UNSET,)
    return time_us, "device", ()


def epoch_us(number: float) -> int:
    """Microseconds of an epoch number in s, ms, µs or ns.

    The unit follows from the magnitude: below 10¹¹ it is seconds (until the year 5138), and each further factor of
    1,000 is the next unit (10¹¹ ms is 1973).

    Raises:
        TerminalError: the number is beyond all years, or not finite.
    """
    if -1e11 < number < 1e11:
        return round(number * 1_000_000)
    if -1e14 < number < 1e14:
        return round(number * 1_000)
    if -1e17 < number < 1e17:
        return round(number)
    if -1e21 < number < 1e21:
        return round(number // 1_000)
    raise no_time(number)


def text_us(text: str, zone: tzinfo, received: int) -> int:
    """Microseconds of an epoch number as text or of ISO 8601.

    A time without a zone is in `zone`. Where clocks went back and it occurred twice, it is the one nearer to the
    receive time; where they went forward and it never occurred, the offset before the change counts.

    Raises:
        TerminalError: it is neither.
    """
    if _EPOCH_TEXT.fullmatch(text):
        return epoch_us(float(text) if "." in text else int(text[:_LONGEST]))
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            return _local_us(time, zone, received)
        return _since_epoch(time)
    except (ValueError, OverflowError) as error:
        raise no_time(text) from error


def _local_us(time: datetime, zone: tzinfo, received: int) -> int:
    first = _since_epoch(time.replace(tzinfo=zone))
    if zone is UTC:
        return first
    second = _since_epoch(time.replace(tzinfo=zone, fold=1))
    # In a gap the second is the earlier one; only a fold makes a choice.
    return second if second > first and abs(second - received) < abs(first - received) else first


def _since_epoch(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def no_time(value: object) -> TerminalError:
    """The error of a value that is no time, or is outside the calendar of the years 1970 to 9999."""
    return TerminalError(Reason.INVALID_TIME, f"cannot be read as a time: {str(value)[:80]!r}")
