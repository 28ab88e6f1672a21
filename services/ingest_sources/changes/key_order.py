"""Compares keys as PostgreSQL orders them, given as the texts that it writes."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Key = tuple[Any, ...]
_DATE_TIME = re.compile(r"(\d+)-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:\+00)?)?( BC)?")
_LAST = (float("inf"),)
_FIRST = (float("-inf"),)


def _number(text: str) -> tuple[int, Decimal]:
    # NaN is larger than all numbers there.
    return (1, Decimal(0)) if text == "NaN" else (0, Decimal(text))


def _date_time(text: str) -> tuple[float, ...]:
    if text in ("infinity", "-infinity"):
        return _LAST if text == "infinity" else _FIRST
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("no date or time of PostgreSQL's format ISO, in UTC")
    year, month, day, hour, minute, second, bc = match.groups()
    return (
        1 - int(year) if bc else int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        float(second or 0),
    )


ORDERED: Mapping[int, Callable[[str], Any]] = {
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((25, 1043), str.encode),  # text and varchar, where they are ordered by COLLATE "C"
    2950: str.encode,  # uuid: hexadecimal digits of one length
    1700: _number,
    **dict.fromkeys((1082, 1114, 1184), _date_time),
}
"""By OID of the type; for a type that isn't there nobody knows here how PostgreSQL orders it."""
TEXTS = (25, 1043)
"""Types to be ordered by COLLATE "C": their UTF-8 bytes, whatever the database's own order is."""
NAMES = "integers, uuid, text, varchar, numeric, date, timestamp"


def key_of(texts: Sequence[str], types: Sequence[int]) -> Key:
    """What compares as the key does.

    Args:
        types: OIDs, each one of `ORDERED`.
    """
    return tuple(ORDERED[oid](text) for text, oid in zip(texts, types, strict=True))
