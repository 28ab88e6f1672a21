"""A key's value comes back from JSON as exactly what it was."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from headrace.errors import ConfigurationError
from ingest_sources.databases.key_values import decode, encode

VALUES = [
    0,
    -(1 << 63),
    (1 << 63) - 1,
    1 << 70,
    True,
    0.1,
    5e-324,
    float("inf"),
    "",
    'Ærø\'s "x" \\ \n',
    Decimal("1E+3"),
    Decimal("0.10"),
    Decimal("12345678901234567890.123456789"),
    datetime(2026, 3, 29, 1, 59, 59, 999_999, UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(1, 1, 1, 0, 0, 0, 1),
    date(9999, 12, 31),
    time(23, 59, 59, 1),
    b"\x00\xff",
    UUID("c0ffee00-0000-4000-8000-000000000001"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_comes_back_exactly(value: Any) -> None:
    encoded = msgspec.json.decode(msgspec.json.encode(encode(value)))
    back = decode(encoded)
    assert (back, type(back), str(back)) == (value, type(value), str(value))


@pytest.mark.parametrize("value", [None, [1], {}], ids=repr)
def test_what_orders_nothing_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="can't be ordered"):
        encode(value)
