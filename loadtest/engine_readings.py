"""Fills a topic with the readings of the standard job."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.kafka import producer_config

PARTITIONS = 4
_CHUNK = 50_000
_TIMEOUT_S = 120.0
_BROKEN = b'{"device_id": "device'
Record = tuple[bytes, bytes]


def create_topics(brokers: str, *names: str, compacted: bool = False) -> None:
    """Makes topics of four partitions with the append times of the brokers."""
    config = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}
    if compacted:
        config["cleanup.policy"] = "compact"
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config) for name in names]).values():
        future.result(_TIMEOUT_S)


def readings(count: int, devices: int, hz: float = 1.0, seed: int = 1) -> Iterator[Record]:
    """Keys and values of readings, each device in turn, in order of their times, the last of which is now.

    One in 1,000 is far off, one in 200 out of range, one in 2,000 is not JSON.

    Args:
        hz: readings of each device a second of event time.
    """
    rng = np.random.default_rng(seed)
    begin = time.time() - 1.0 - count / devices / hz
    keys = [b"device-%06d" % number for number in range(devices)]
    for first in range(0, count, _CHUNK):
        numbers = np.arange(first, min(first + _CHUNK, count))
        kinds = rng.random(len(numbers))
        values = rng.normal(20.0, 2.0, len(numbers)) + np.where(kinds < 0.001, 40.0, 0.0)
        values[(kinds >= 0.001) & (kinds < 0.006)] = 999.0
        times = begin + numbers / devices / hz
        columns = (numbers % devices, values, times, kinds >= 0.9995)
        for device, value, moment, broken in zip(*(column.tolist() for column in columns), strict=True):
            key = keys[device]
            yield key, _BROKEN if broken else _reading(key, value, moment)


def _reading(key: bytes, value: float, moment: float) -> bytes:
    return b'{"device_id": "%b", "metric": "temperature", "value": %.3f, "ts": %.3f}' % (key, value, moment)


def fill(brokers: str, topic: str, records: Iterator[Record]) -> None:
    """Writes records as fast as it goes, and returns when the brokers have them all."""
    producer = Producer(
        producer_config(
            brokers,
            "engine-readings",
            **{
                "linger.ms": 50,
                "delivery.report.only.error": True,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 524_288,
            },
        )
    )
    for number, (key, value) in enumerate(records):
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.flush(_TIMEOUT_S)
            producer.produce(topic, value, key)
        if number % _CHUNK == 0:
            producer.poll(0)
    if producer.flush(_TIMEOUT_S):
        raise TimeoutError(f"{topic} could not be filled in {_TIMEOUT_S:.0f} s")
