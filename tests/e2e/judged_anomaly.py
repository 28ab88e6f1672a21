"""A device with an anomaly that an operator judges, and with another one afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from functools import cached_property
from uuid import uuid4

import httpx

from deploy.local.stack import Stack
from headrace.testing import wait_until
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.scan_kafka import unread

_EVERY_MS = 300_000
_READINGS = 200
"""Past the detector's warm-up, before each of the two."""


class JudgedAnomaly:
    """Each step is taken once, when it is asked for first."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._start = time.time_ns() // 1_000_000 - 2 * _READINGS * _EVERY_MS
        self.device = f"edge-{uuid4().hex}"

    @cached_property
    def threshold(self) -> float:
        """That of the first anomaly, when it is judged and the processor has read so."""
        asyncio.run(self._publish(0, 1e3))
        found = self._anomalies(1)[0]
        url = f"{self._stack.url('serve_api')}/v1/anomalies/{found['id']}/feedback"
        httpx.post(url, json={"verdict": "true"}, timeout=10).raise_for_status()
        behind = "process_readings/anomalies.feedback"
        wait_until(lambda: unread(self._stack.brokers)[behind] == 0, "the feedback to be read", 30, every=0.5)
        return float(str(found["threshold"]))

    @cached_property
    def next_threshold(self) -> float:
        """That of the second one."""
        assert self.threshold
        asyncio.run(self._publish(_READINGS, 1e6))
        return float(str(self._anomalies(2)[-1]["threshold"]))

    def verdicts(self) -> list[object]:
        """What the API shows to be said of its anomalies, old ones first."""
        assert self.threshold
        return [found["verdict"] for found in self._anomalies(1)]

    async def _publish(self, since: int, spike: float) -> None:
        """Readings that are five minutes apart, the last of them far away."""
        values = [*(40.0 + number % 7 / 10 for number in range(_READINGS - 1)), spike]
        bodies = [
            json.dumps({"ts": self._start + number * _EVERY_MS, "level": value}).encode()
            for number, value in enumerate(values, since)
        ]
        async with Publisher(self._stack.host, self._stack.ports.mqtt, self.device) as publisher:
            topic = topic_field(f"devices/{self.device}/telemetry")
            await publisher.publish([Message(topic, body, number) for number, body in enumerate(bodies)])
            await publisher.drain(30)

    def _anomalies(self, count: int) -> list[dict[str, object]]:
        """At least so many, old ones first."""
        query = {"device": self.device, "from": str(self._start), "order": "asc"}

        def found() -> list[dict[str, object]]:
            answer = httpx.get(f"{self._stack.url('serve_api')}/v1/anomalies", params=query, timeout=10)
            items: list[dict[str, object]] = answer.raise_for_status().json()["items"]
            return items if len(items) >= count else []

        return wait_until(found, f"{count} anomalies of {self.device}", 30, every=0.5)
