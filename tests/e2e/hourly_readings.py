"""A device that published for hours, from which the online models have learned."""

from __future__ import annotations

import json
import time

from deploy.local.stack import Stack
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher

_HOURS = 5
_EVERY_MS = 300_000


async def publish_hours(stack: Stack, device: str) -> None:
    """Publishes a reading every five minutes of the last hours, and waits until all are acknowledged."""
    now_ms = time.time_ns() // 1_000_000
    times = range(now_ms - _HOURS * 3_600_000, now_ms, _EVERY_MS)
    bodies = [json.dumps({"ts": each, "humidity": 40.0 + each // _EVERY_MS % 7}).encode() for each in times]
    async with Publisher(stack.host, stack.ports.mqtt, device) as publisher:
        topic = topic_field(f"devices/{device}/telemetry")
        await publisher.publish([Message(topic, body, number) for number, body in enumerate(bodies)])
        await publisher.drain(30)
