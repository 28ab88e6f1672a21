"""Readings as rows of `readings` and `latest`.

A row holds what one device measured at one time, as a map of metrics, so a message of several metrics is one row. The
readings of a message are neighbours in the topic; where they are not, the row is written twice, with other entries.
"""

import struct
from functools import lru_cache

from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from headrace.tables import bucket_of, hour_of
from sink_cassandra.packing import (
    NULL,
    bigint,
    integer,
    key,
    optional_bigint,
    optional_boolean,
    optional_text,
    sized,
    text,
    text_list,
    value_map,
)
from sink_cassandra.rows import Rows, Table

LARGE_READING = 65_536
"""Bytes from which a reading is a row of its own: together they might be more than Cassandra takes as one."""

_with_number = struct.Struct(">idiiqiiiqii").pack
_with_integer = struct.Struct(">iiqiqiiiqii").pack
_with_neither = struct.Struct(">iiiqiiiqii").pack
_NONE = (None, None, None, None)
_two_bigints = struct.Struct(">iqiq").pack


def pack_reading(reading: Reading) -> bytes:
    """The user-defined type `reading`, without its length.

    Raises:
        TerminalError: a number does not fit its column.
    """
    origin = reading.origin
    rest = 8, reading.received, 4, origin.partition, 8, origin.offset, 4, origin.index
    try:
        if reading.number is not None:
            fixed = _with_number(8, reading.number, -1, *rest)
        elif reading.integer is not None:
            fixed = _with_integer(-1, 8, reading.integer, *rest)
        else:
            fixed = _with_neither(-1, -1, *rest)
        return fixed + _source(reading.unit, reading.time_source, reading.decoder, origin.topic) + _rare(reading)
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a number does not fit its column: {error}") from error


@lru_cache(maxsize=65_536)
def _source(unit: str | None, time_source: str, decoder: str, topic: str) -> bytes:
    return optional_text(unit) + text(time_source) + text(decoder) + text(topic)


def _rare(reading: Reading) -> bytes:
    """The fields that many readings lack, up to the last one that is set: what follows it is not stored."""
    others = reading.message_id, reading.text, reading.boolean, reading.device_time
    if others == _NONE and not reading.flags:
        return b"" if reading.seq is None else bigint(reading.seq)
    fields = [
        optional_bigint(reading.seq),
        optional_text(reading.message_id),
        optional_boolean(reading.boolean),
        optional_text(reading.text),
        optional_bigint(reading.device_time),
        text_list(reading.flags) if reading.flags else NULL,
    ]
    while fields[-1] is NULL:
        fields.pop()
    return b"".join(fields)


class ReadingRows:
    """Gathers the readings of a flush.

    `latest` is coalesced: of each metric only the newest reading of the flush is written. Of two at the same time it
    keeps the one that Cassandra would: the greater value, in which `n` comes first.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._key: tuple[str, str, int, int, int] | None = None
        self._entries: list[tuple[bytes, bytes]] = []
        self._latest: dict[tuple[str, str], dict[bytes, tuple[int, int, bytes]]] = {}

    def add(self, reading: Reading, appended: int) -> None:
        """Takes a reading that was appended to its topic at a time in microseconds.

        Raises:
            TerminalError: it can't be stored.
        """
        packed = pack_reading(reading)
        metric = key(reading.metric)
        row = (reading.site, reading.device, reading.time, reading.n, appended)
        if row != self._key or len(packed) > LARGE_READING:
            _check_key(reading)
            self._end_row()
            self._key = row
        self._entries.append((metric, packed))

    def finish(self) -> None:
        """Adds the last rows; nothing can be added after it."""
        self._end_row()
        for (site, device), metrics in self._latest.items():
            times: dict[int, list[bytes]] = {}
            for metric, (time, n, packed) in metrics.items():
                times.setdefault(time, []).append(metric + sized(_two_bigints(8, n, 8, time) + packed))
            for time, entries in times.items():
                before = bigint(time) + value_map(entries)
                self._rows.add(Table.LATEST, _device_bucket(site, device), before, key(device))

    def _end_row(self) -> None:
        if self._key is None:
            return
        site, device, time, n, appended = self._key
        entries, self._key, self._entries = self._entries, None, []
        before = bigint(appended) + value_map([metric + sized(packed) for metric, packed in entries])
        partition = _device_bucket(site, device) + _hour(hour_of(time))
        self._rows.add(Table.READINGS, partition, before, key(device) + _two_bigints(8, time, 8, n))
        latest = self._latest.setdefault((site, device), {})
        for metric, packed in entries:
            known = latest.get(metric)
            candidate = (time, n, packed)
            if known is None or candidate > known:
                latest[metric] = candidate


def _check_key(reading: Reading) -> None:
    """Checks what makes a row's key before anything of the row is kept."""
    key(reading.site)
    key(reading.device)
    try:
        _two_bigints(8, reading.time, 8, reading.n)
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"time {reading.time} or n {reading.n}: {error}") from error


@lru_cache(maxsize=200_000)
def _device_bucket(site: str, device: str) -> bytes:
    return key(site) + integer(bucket_of(site, device))


@lru_cache(maxsize=256)
def _hour(hour: int) -> bytes:
    return bigint(hour)
