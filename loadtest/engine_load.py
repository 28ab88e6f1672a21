"""Readings for the engine's fault runs: some out of order, some too late, some broken, and a log of all of them."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass

from headrace.kafka import Producer

_BASE_S = 86_400
"""Event times begin a day ago: none is ever in the future, where it would be taken for the append time."""


@dataclass(frozen=True)
class Sent:
    """A reading as it was sent; `time_us` is event time, and `value` is None where the record holds no reading."""

    device: str
    time_us: int
    value: float | None
    raw: bytes


class Readings:
    """Makes readings, and keeps all it made.

    Args:
        seed: gives the same readings but for the day.
    """

    def __init__(self, seed: int, devices: int = 40) -> None:
        self.log: list[Sent] = []
        self._random = random.Random(seed)
        self._devices = [f"device-{number}" for number in range(devices)]
        start_ms = (int(time.time()) - _BASE_S) * 1_000
        self._clock_ms = dict.fromkeys(self._devices, start_ms)
        self._used: dict[str, set[int]] = {device: set() for device in self._devices}

    def make(self) -> Sent:
        """The next reading of some device."""
        chance = self._random
        device = chance.choice(self._devices)
        self._clock_ms[device] += chance.randint(200, 1_000)
        time_ms = self._unused(device, self._clock_ms[device] - self._behind_ms())
        value = round(20 + chance.gauss(0, 2) + 60 * (chance.random() < 0.01), 3)
        if chance.random() < 0.01:
            value = 1_000.0
        reading = {"device_id": device, "metric": "t", "value": value, "ts": time_ms / 1_000, "n": len(self.log)}
        raw = json.dumps(reading).encode()
        is_broken = chance.random() < 0.005
        sent = Sent(device, 0, None, raw[:-5]) if is_broken else Sent(device, time_ms * 1_000, value, raw)
        self.log.append(sent)
        return sent

    def _behind_ms(self) -> int:
        """Mostly in order; sometimes inside the lateness, sometimes past it."""
        draw = self._random.random()
        if draw < 0.005:
            return 90_000
        return self._random.randint(0, 25_000) if draw < 0.1 else 0

    def _unused(self, device: str, time_ms: int) -> int:
        """Two readings of one time would leave open which of them is the last one."""
        used = self._used[device]
        while time_ms in used:
            time_ms += 1
        used.add(time_ms)
        return time_ms


class Load:
    """Sends readings to Kafka.

    Args:
        rate: readings a second.
    """

    def __init__(self, brokers: str, topic: str, readings: Readings, rate: float = 4_000) -> None:
        self._topic = topic
        self._readings = readings
        self._pause_s = 1 / rate
        # Kafka itself is killed: a record that is not confirmed is sent on until it is.
        self._producer = Producer(brokers, "engine-load", **{"delivery.timeout.ms": 300_000})

    def send(self, count: int) -> None:
        """Sends so many readings and waits until Kafka has them.

        Raises:
            DeliveryError: Kafka was away for minutes; the log is then not what it holds.
        """
        due = time.monotonic() + count * self._pause_s
        for _ in range(count):
            sent = self._readings.make()
            self._producer.produce(self._topic, sent.raw, sent.device.encode())
        self._producer.flush(300)
        time.sleep(max(0.0, due - time.monotonic()))
