"""A small load with everything that a dashboard shows: readings, anomalies, dead letters, receipts, API requests."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from deploy.local.stack import Stack
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher, Receipt

DEVICE = "boiler & pump"
METRIC = "humidity"
_TOPIC = topic_field(f"devices/{DEVICE}/telemetry")
_PAST_S = 180
_SPIKE_AT = 170  # past the detector's warm-up; the one anomaly that has an expected value
_FAULT_EVERY = 40
_IMPOSSIBLE = 120.0  # out of range, so an anomaly each time; spikes that recur become usual
_PAUSE_S = 0.1


@contextmanager
def steady_load(stack: Stack) -> Iterator[None]:
    """Publishes some minutes of event time at once, then ten messages a second, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_publish(stack, stop)), name="steady load")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _publish(stack: Stack, stop: threading.Event) -> None:
    receipts: list[Receipt] = []
    numbers = itertools.count(9_000_000)
    now = time.time_ns() // 1_000_000
    past = [_message(next(numbers), age, now - (_PAST_S - age) * 1_000) for age in range(_PAST_S)]
    async with (
        Publisher(stack.host, stack.ports.mqtt, "steady-load", on_receipts=receipts.extend) as publisher,
        httpx.AsyncClient(base_url=stack.url("serve_api")) as api,
    ):
        await publisher.publish(past)
        while not stop.is_set():
            number = next(numbers)
            await publisher.publish([_message(number, number, time.time_ns() // 1_000_000)])
            await publisher.publish([Message(_TOPIC, b"{bad", number)])
            with suppress(httpx.TransportError):
                await api.get("/v1/latest", params={"device": DEVICE})
            await asyncio.sleep(_PAUSE_S)


def _message(number: int, index: int, at_ms: int) -> Message:
    value = 95.0 if index == _SPIKE_AT else _IMPOSSIBLE if index % _FAULT_EVERY == 0 else 40.0 + index % 7 / 10
    return Message(_TOPIC, json.dumps({"ts": at_ms, "values": {METRIC: value}}).encode(), number)
