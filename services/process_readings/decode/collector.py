"""Collects the readings of one raw record."""

from math import isfinite
from typing import Any

from headrace.errors import Reason, TerminalError
from headrace.records import Origin, Reading, TimeSource
from process_readings.decode.source import Source
from process_readings.decode.times import event_time

MAX_READINGS = 10_000
"""Of one raw record: more would make a batch of outputs that no memory limit foresees."""
MAX_TEXT = 65_536
"""Characters of a text reading: escaped six times in JSON it must still fit a Kafka record."""
MAX_NAME = 1_024
"""Characters of a metric's name or a unit."""
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

NOT_FINITE = "nan"
"""Flag of a value that is no finite number; the reading's text says which."""
BASE64 = "base64"
"""Flag of a text reading that is the Base64 form of bytes."""


class Collector:
    """Makes readings at the time that was set last; before that, at the receive time.

    Args:
        source: the raw record.
        decoder: name and version of the decoder, such as `json/1`.
    """

    __slots__ = ("_decoder", "_flags", "_seq", "_source", "_time", "_time_source", "readings")

    def __init__(self, source: Source, decoder: str) -> None:
        self.readings: list[Reading] = []
        self._source = source
        self._decoder = decoder
        self._seq: int | None = None
        self._time = source.received
        self._time_source: TimeSource = "received"
        self._flags: tuple[str, ...] = ()

    def at(self, time: Any, seq: int | None = None) -> None:
        """Sets the time, as the payload gives it, and the sequence number of what is added next. No time is None.

        Raises:
            TerminalError: it cannot be read as a time.
        """
        source = self._source
        self._time, self._time_source, self._flags = event_time(time, source.zone, source.received)
        self._seq = seq

    def at_us(self, time_us: int, time_source: TimeSource) -> None:
        """Sets a time that is known in microseconds UTC."""
        self._time, self._time_source, self._flags = time_us, time_source, ()

    def add(self, metric: str, value: Any, unit: str | None = None, flag: str | None = None) -> None:
        """Adds a reading of a float, int, bool or str.

        Raises:
            TerminalError: there are too many readings, or a name or text is empty or too long.
        """
        number = integer = boolean = text = None
        flags = self._flags if flag is None else (*self._flags, flag)
        kind = value.__class__
        if kind is float:
            if isfinite(value):
                number = value
            else:
                text, flags = str(value), (*flags, NOT_FINITE)
        elif kind is bool:
            boolean = value
        elif kind is str:
            text = value
        elif INT64_MIN <= value <= INT64_MAX:
            integer = value
        else:
            number = _as_double(value)
        readings = self.readings
        index = len(readings)
        if not metric or len(metric) > MAX_NAME or index >= MAX_READINGS or text is not None or unit is not None:
            _check(index, metric, text, unit)
        source = self._source
        readings.append(
            Reading(
                source.site,
                source.device,
                metric,
                self._time,
                self._time_source,
                source.received,
                Origin(source.topic, source.partition, source.offset, index),
                self._decoder,
                number,
                integer,
                boolean,
                text,
                unit,
                self._seq,
                source.message_id,
                0,
                None,
                flags,
            )
        )


def _check(index: int, metric: str, text: str | None, unit: str | None) -> None:
    if not metric:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, "a value has no name")
    if index >= MAX_READINGS:
        raise TerminalError(Reason.TOO_LARGE, f"more than {MAX_READINGS} readings in one payload")
    if len(metric) > MAX_NAME or (unit is not None and len(unit) > MAX_NAME):
        raise TerminalError(Reason.TOO_LARGE, f"a name or unit of more than {MAX_NAME} characters: {metric[:80]}…")
    if text is not None and len(text) > MAX_TEXT:
        raise TerminalError(Reason.TOO_LARGE, f"{metric} is a text of {len(text)} characters; {MAX_TEXT} are allowed")


def _as_double(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"a number of {value.bit_length()} bits") from error
