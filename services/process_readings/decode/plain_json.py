"""The short way to read what nearly all devices send: format `json`, flat or `{ts, values: {…}}`, of numbers alone.

It reads a message as `decode_record` does, at a fraction of the cost, or leaves it alone.
"""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import count
from typing import Any, NamedTuple

import msgspec

from headrace import raw
from headrace.deadletter import Headers
from headrace.errors import TerminalError
from headrace.raw import Format
from headrace.records import Origin, Reading, TimeSource
from process_readings.decode.collector import INT64_MAX, INT64_MIN, MAX_NAME, MAX_READINGS
from process_readings.decode.json_telemetry import CLAIM_NAMES, DECODER, ENVELOPES, TIME_NAMES
from process_readings.decode.times import EventTime, event_time

MAX_LAYOUTS = 10_000
_JSON = Format.JSON.encode()
_FIRST_MS, _LAST_MS = 946_684_800_000, 100_000_000_000_000
"""Between these an epoch number is milliseconds, of a clock that was set."""
_DIGITS = 308
"""A whole number that no double holds has more."""
_LARGEST = 10**_DIGITS
_NUMBERS = frozenset((float, int))

Numbers = dict[str, float | int]
Stamp = float | int | str | Numbers | None
_decode = msgspec.json.Decoder(dict[str, float | int | str | Numbers]).decode


class Layout(NamedTuple):
    """Names of the members that are no metrics, empty where there is none; the envelope holds all metrics."""

    time: str
    seq: str
    envelope: str


def layout_of(names: Sequence[str]) -> Layout | None:
    """How a body with these members is read, or None where that takes more than is done here."""
    times = [name for name in TIME_NAMES if name in names]
    envelopes = [name for name in ENVELOPES if name in names]
    if len(times) > 1 or len(envelopes) > 1 or "" in names or not set(CLAIM_NAMES).isdisjoint(names):
        return None
    layout = Layout("".join(times), "seq" if "seq" in names else "", "".join(envelopes))
    return layout if not envelopes or set(names).issubset(layout) else None


class PlainJson:
    """Remembers how bodies are laid out, by the names of their members."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, ...], Layout | None] = {}

    def decode(
        self,
        value: bytes | None,
        headers: Headers,
        device: tuple[str, str],
        origin: tuple[str, int, int],
        zone: tzinfo,
    ) -> list[Reading] | None:
        """The readings of a message, all numbers of one time without unit and flags; None where it is not plain.

        Args:
            value, headers, origin, zone: as for `decode_record`.
            device: its site and name.
        """
        named = dict(headers)
        if value is None or named.get(raw.FORMAT) != _JSON:
            return None
        body = self._parse(value)
        if body is None:
            return None
        stamp, seq, values = body
        if seq is not None and (seq.__class__ is not int or not 0 <= seq <= INT64_MAX):
            return None
        try:
            received = int(named[raw.RECEIVED])
            time, time_source, flags = _time_of(stamp, zone, received)
        except (KeyError, ValueError, TerminalError):
            return None
        if flags or not 0 <= received <= INT64_MAX:
            return None
        message_id = named.get(raw.MESSAGE_ID)
        text = message_id.decode(errors="replace") if message_id else None
        return _readings(values, device, (time, time_source, received), origin, seq, text)

    def _parse(self, value: bytes) -> tuple[Stamp, Stamp, Numbers] | None:
        """The time and the sequence number as they stand in a body, and its values by metric."""
        try:
            body = _decode(value)
        except ValueError:
            return None
        names = tuple(body)
        layout = self._layouts.get(names) or self._new_layout(names)
        if layout is None:
            return None
        time, seq, envelope = layout
        found = body.pop(time, None), body.pop(seq, None)
        names_there = len(names)
        values: Any = body
        if envelope:
            values = body[envelope]
            if values.__class__ is not dict:
                return None
            names_there += len(values)
        elif not _NUMBERS.issuperset(map(type, body.values())):
            return None
        # As many colons as names: no name is there twice.
        if value.count(b":") != names_there and not _only_time_has_more(value, found[0], names_there):
            return None
        # Names and whole numbers that are too long are in long bodies alone.
        if not values or "" in values or (len(value) > _DIGITS and not _are_usable(values)):
            return None
        return *found, values

    def _new_layout(self, names: tuple[str, ...]) -> Layout | None:
        if names not in self._layouts:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts[names] = layout_of(names)
        return self._layouts[names]


def _time_of(stamp: Stamp, zone: tzinfo, received: int) -> EventTime:
    if (stamp.__class__ is float or stamp.__class__ is int) and _FIRST_MS <= stamp < _LAST_MS:
        return round(stamp * 1_000), "device", ()
    return event_time(stamp, zone, received)


def _only_time_has_more(value: bytes, stamp: Stamp, names: int) -> bool:
    """Whether a body has as many colons as names, but for those in a time as text."""
    if not isinstance(stamp, str) or b"\\" in value:
        return False
    return value.count(b":") == names + stamp.count(":")


def _are_usable(values: Numbers) -> bool:
    if len(values) > MAX_READINGS or max(map(len, values)) > MAX_NAME:
        return False
    return bool(min(values.values()) > -_LARGEST and max(values.values()) < _LARGEST)


def _readings(
    values: Numbers,
    device: tuple[str, str],
    times: tuple[int, TimeSource, int],
    origin: tuple[str, int, int],
    seq: int | None,
    message_id: str | None,
) -> list[Reading]:
    site, name = device
    time, time_source, received = times
    topic, partition, offset = origin
    readings = []
    for index, metric, value in zip(count(), values, values.values(), strict=False):
        number: float | None = None
        integer: int | None = None
        if value.__class__ is float:
            number = value
        elif INT64_MIN <= value <= INT64_MAX:
            integer = int(value)
        else:
            number = float(value)
        place = Origin(topic, partition, offset, index)
        # fmt: off
        readings.append(Reading(
            site, name, metric, time, time_source, received, place, DECODER,
            number, integer, None, None, None, seq, message_id,
        ))
        # fmt: on
    return readings
