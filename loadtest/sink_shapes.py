"""Ways to lay readings out in Cassandra, for the comparison in loadtest/sink.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headrace.records import Origin, Reading
from headrace.tables import bucket_of, hour_of
from sink_cassandra.packing import bigint, double, integer, key, sized, text, value_map
from sink_cassandra.reading_rows import pack_reading

METRICS = (("temperature", "Cel"), ("humidity", "%RH"), ("pressure", "Pa"))
BEGIN_US = 1_790_000_000_000_000
Grouped = dict[bytes, list[bytes]]
"""Packed partition key → packed rows."""

FIELDS = (
    "number double, integer bigint, received bigint, origin_partition int, origin_offset bigint, origin_index int, "
    "unit text, time_source text, decoder text, origin_topic text, seq bigint, message_id text, boolean boolean, "
    "text text, device_time bigint, flags frozen<list<text>>"
)
UDT = f"CREATE TYPE IF NOT EXISTS {{keyspace}}.reading ({FIELDS})"
_BUCKETED = "site text, bucket int, hour timestamp, device text, time bigint, n bigint"
_OPTIONS = (
    "compaction = {{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'HOURS', "
    "'compaction_window_size': '24'}} AND default_time_to_live = 2592000"
)


class Message(NamedTuple):
    """The readings of one message of one device."""

    device: str
    time: int
    readings: list[Reading]


@dataclass(frozen=True)
class Shape:
    """One way: its table, the statement of a row, and how messages become rows."""

    name: str
    create: str
    statement: str
    rows: Callable[[list[Message]], Grouped]


def messages(devices: int, rng: random.Random) -> Iterator[Message]:
    """Three metrics a message, every device once a second, for ever."""
    number = 0
    while True:
        turn, device = divmod(number, devices)
        time = BEGIN_US + turn * 1_000_000 + device
        readings = [
            Reading(
                site="main",
                device=f"meter-{device:05d}",
                metric=metric,
                time=time,
                time_source="device",
                received=time + 5_000,
                origin=Origin("readings.raw", device % 4, number, index),
                decoder="json/1",
                number=rng.random() * 100,
                unit=unit,
            )
            for index, (metric, unit) in enumerate(METRICS)
        ]
        yield Message(readings[0].device, time, readings)
        number += 1


def _bucketed(message: Message) -> bytes:
    return key("main") + integer(bucket_of("main", message.device)) + bigint(hour_of(message.time))


def _map(message: Message) -> bytes:
    return value_map([key(reading.metric) + sized(pack_reading(reading)) for reading in message.readings])


def _row_per_message(found: list[Message]) -> Grouped:
    grouped: Grouped = {}
    for message in found:
        partition = _bucketed(message)
        after = key(message.device) + bigint(message.time) + bigint(0)
        grouped.setdefault(partition, []).append(bigint(BEGIN_US) + _map(message) + partition + after)
    return grouped


def _device_hour(found: list[Message]) -> Grouped:
    grouped: Grouped = {}
    for message in found:
        partition = key("main") + key(message.device) + bigint(hour_of(message.time))
        row = bigint(BEGIN_US) + _map(message) + partition + bigint(message.time) + bigint(0)
        grouped.setdefault(partition, []).append(row)
    return grouped


def _row_per_reading(found: list[Message]) -> Grouped:
    grouped: Grouped = {}
    for message in found:
        partition = _bucketed(message)
        for reading in message.readings:
            after = key(message.device) + bigint(message.time) + key(reading.metric) + bigint(0)
            row = bigint(BEGIN_US) + sized(pack_reading(reading)) + partition + after
            grouped.setdefault(partition, []).append(row)
    return grouped


def columns_of(reading: Reading) -> tuple[object, ...]:
    """A reading's row where each field is a column, for the driver to bind."""
    origin = reading.origin
    hour = hour_of(reading.time)
    return (
        *("main", bucket_of("main", reading.device), hour, reading.device, reading.time, reading.metric, reading.n),
        *(reading.number, reading.received, origin.partition, origin.offset, origin.index),
        *(reading.unit, reading.time_source, reading.decoder, origin.topic, BEGIN_US),
    )


def _columns(found: list[Message]) -> Grouped:
    grouped: Grouped = {}
    for message in found:
        partition = _bucketed(message)
        for reading in message.readings:
            origin = reading.origin
            row = b"".join(
                (
                    *(partition, key(reading.device), bigint(reading.time), key(reading.metric), bigint(reading.n)),
                    *(double(reading.number or 0.0), bigint(reading.received), integer(origin.partition)),
                    *(bigint(origin.offset), integer(origin.index), text(reading.unit or ""), text("device")),
                    *(text(reading.decoder), text(origin.topic), bigint(BEGIN_US)),
                )
            )
            grouped.setdefault(partition, []).append(row)
    return grouped


_INSERT = (
    "INSERT INTO {table} (site, bucket, hour, device, time, metric, n, number, received, origin_partition, "
    "origin_offset, origin_index, unit, time_source, decoder, origin_topic) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_COLUMNS = (
    f"CREATE TABLE {{table}} ({_BUCKETED}, metric text, {FIELDS}, "
    f"PRIMARY KEY ((site, bucket, hour), device, time, metric, n)) WITH {_OPTIONS}"
)

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape(
            "row per message, map",
            f"CREATE TABLE {{table}} ({_BUCKETED}, readings map<text, frozen<reading>>, "
            f"PRIMARY KEY ((site, bucket, hour), device, time, n)) WITH {_OPTIONS}",
            "UPDATE {table} USING TIMESTAMP ? SET readings = readings + ? "
            "WHERE site = ? AND bucket = ? AND hour = ? AND device = ? AND time = ? AND n = ?",
            _row_per_message,
        ),
        Shape(
            "row per message, frozen map",
            f"CREATE TABLE {{table}} ({_BUCKETED}, readings frozen<map<text, frozen<reading>>>, "
            f"PRIMARY KEY ((site, bucket, hour), device, time, n)) WITH {_OPTIONS}",
            "UPDATE {table} USING TIMESTAMP ? SET readings = ? "
            "WHERE site = ? AND bucket = ? AND hour = ? AND device = ? AND time = ? AND n = ?",
            _row_per_message,
        ),
        Shape(
            "row per reading, one value",
            f"CREATE TABLE {{table}} ({_BUCKETED}, metric text, reading frozen<reading>, "
            f"PRIMARY KEY ((site, bucket, hour), device, time, metric, n)) WITH {_OPTIONS}",
            "UPDATE {table} USING TIMESTAMP ? SET reading = ? WHERE site = ? AND bucket = ? AND hour = ? "
            "AND device = ? AND time = ? AND metric = ? AND n = ?",
            _row_per_reading,
        ),
        Shape("row per reading, columns", _COLUMNS, _INSERT, _columns),
        Shape("row per reading, columns, bound by the driver", _COLUMNS, _INSERT, _columns),
        Shape(
            "row per message, map, a partition per device and hour",
            "CREATE TABLE {table} (site text, device text, hour timestamp, time bigint, n bigint, "
            "readings map<text, frozen<reading>>, "
            f"PRIMARY KEY ((site, device, hour), time, n)) WITH {_OPTIONS}",
            "UPDATE {table} USING TIMESTAMP ? SET readings = readings + ? "
            "WHERE site = ? AND device = ? AND hour = ? AND time = ? AND n = ?",
            _device_hour,
        ),
    )
}
BOUND = "row per reading, columns, bound by the driver"
