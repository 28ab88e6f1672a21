"""Format `json`: flat objects, `{ts, values: {…}}` or `{ts, data: {…}}`, nested objects, and arrays of all of these."""

from typing import Any

from headrace.records import Reading
from process_readings.decode.claims import check_claim
from process_readings.decode.collector import INT64_MAX, Collector
from process_readings.decode.json_body import as_object, parse_json
from process_readings.decode.members import add_members
from process_readings.decode.source import Source

DECODER = "json/1"
TIME_NAMES = ("ts", "timestamp", "time", "Time")
"""The first of these that is there is the time; the others are readings like any."""
CLAIM_NAMES = ("device", "device_id", "deviceId")
"""The first of these that is there must be the device's id; the others are further ids of it, and no readings."""
ENVELOPES = ("values", "data")
"""An object under one of these is a wrapper: its members are readings without its name."""

_CLAIMS = frozenset(CLAIM_NAMES)
_NOT_READINGS = _CLAIMS.union(TIME_NAMES, ENVELOPES, ["seq"])


def decode_json(source: Source) -> list[Reading]:
    """Readings of a JSON object, or of an array of objects of which each has a time of its own."""
    body = parse_json(source.value)
    out = Collector(source, DECODER)
    for item in body if body.__class__ is list else (body,):
        add_object(out, as_object(item), source.device)
    return out.readings


def add_object(out: Collector, body: dict[str, Any], device: str) -> None:
    """Adds the readings of one object; takes out of it what is not a reading.

    Raises:
        TerminalError: it claims another device, or its time cannot be read.
    """
    if _NOT_READINGS.isdisjoint(body):
        out.at(None)
    else:
        out.at(take_time(body), take_seq(body) if "seq" in body else None)
        if not _CLAIMS.isdisjoint(body):
            check_claim(body, CLAIM_NAMES, device)
        for name in ENVELOPES:
            if body.get(name).__class__ is dict:
                add_members(out, body.pop(name).items())
    if body:
        add_members(out, body.items())


def take_time(body: dict[str, Any]) -> Any:
    """The time, taken out of the body, or None."""
    for name in TIME_NAMES:
        if name in body:
            return body.pop(name)
    return None


def take_seq(body: dict[str, Any]) -> int | None:
    """The sequence number, taken out of the body, if there is one: a whole number that is not negative."""
    seq = body.get("seq")
    if seq.__class__ is int and 0 <= seq <= INT64_MAX:
        del body["seq"]
        return int(seq)
    return None
