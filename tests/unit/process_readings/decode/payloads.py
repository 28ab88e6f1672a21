"""Raw records for the decoder tests."""

from __future__ import annotations

from datetime import UTC, tzinfo

import pytest

from headrace.errors import Reason, TerminalError
from headrace.raw import Format
from headrace.records import Reading, record_key
from process_readings.decode import decode_record

RECEIVED = 1_700_000_000_000_000
"""2023-11-14T22:13:20Z."""
APPENDED = RECEIVED + 5_000_000

Value = float | int | bool | str


def readings_of(
    payload: str | bytes,
    form: Format = Format.JSON,
    *,
    device: str = "boiler-1",
    metric: str | None = None,
    zone: tzinfo = UTC,
    received: int = RECEIVED,
) -> list[Reading]:
    """The readings of a payload of a device at the default site."""
    body = payload.encode() if isinstance(payload, str) else payload
    headers = [("format", form.encode()), ("received", str(received).encode())]
    if metric:
        headers.append(("metric", metric.encode()))
    return decode_record(body, record_key("default", device), headers, ("readings.raw", 2, 41), APPENDED, zone)


def values_of(
    payload: str | bytes, form: Format = Format.JSON, *, device: str = "boiler-1", metric: str | None = None
) -> dict[str, Value | None]:
    """The values of a payload by metric; a metric may occur once."""
    readings = readings_of(payload, form, device=device, metric=metric)
    values = {reading.metric: reading.value for reading in readings}
    assert len(values) == len(readings)
    return values


def refusal_of(
    payload: str | bytes, form: Format = Format.JSON, *, device: str = "boiler-1", metric: str | None = None
) -> Reason:
    """The reason for which a payload becomes a dead letter."""
    with pytest.raises(TerminalError) as refused:
        readings_of(payload, form, device=device, metric=metric)
    return refused.value.reason
