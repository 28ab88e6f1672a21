"""The 50,270 real messages of a day of three environment sensors, published over MQTT, are stored once each."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.scrape import Samples, scrape
from deploy.local.stack import Stack
from headrace.testing import wait_until
from loadtest.check import Stores, check
from loadtest.checker import UNREAD
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.history import Accepted, Event, Sent
from loadtest.scan_kafka import unread

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_ZIP = "sensors/stafford-iot-mqtt/sample_data/raw_data_xlarge.json.zip"
_DEVICES = "iot-device-"


def test_stored_and_repeats_and_dead_letters_are_what_was_published(pipeline: Stack, shared_data: Path) -> None:
    messages = _messages(shared_data / _ZIP)
    assert len(messages) == 50_270
    before = _processed(pipeline)

    asyncio.run(_publish(pipeline, messages))
    wait_until(lambda: _all_read(pipeline, before, len(messages)), "every message read", 240, every=1.0)

    stores = Stores(pipeline.brokers, pipeline.host, pipeline.ports.cassandra, _DEVICES)
    verdict = check(list(_history(messages)), stores).verdict
    # All was read, as was waited for; the open windows of devices that fell quiet may be written while this looks.
    verdict.failures.pop(UNREAD, None)
    assert verdict.passed, verdict.summary()
    repeats = _repeats(_processed(pipeline)) - _repeats(before)
    published = sum(len(message["data"]) for message in messages)
    assert (verdict.stored, repeats, verdict.dead_messages) == (published - 7, 7, 0)


def _messages(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as packed:
        messages: list[dict[str, Any]] = json.loads(packed.read("raw_data_xlarge.json"))
    return messages


async def _publish(pipeline: Stack, messages: list[dict[str, Any]]) -> None:
    async with Publisher(pipeline.host, pipeline.ports.mqtt, "stafford") as publisher:
        for start in range(0, len(messages), 500):
            await publisher.publish([_message(message) for message in messages[start : start + 500]])
        await publisher.drain(120)


def _message(message: dict[str, Any]) -> Message:
    body = json.dumps(message, separators=(",", ":")).encode()
    return Message(topic_field(f"devices/{message['device']}/telemetry"), body, 0)


def _history(messages: list[dict[str, Any]]) -> Iterator[Event]:
    """Without receipts, since a message id would make the exact repeat another reading; each was acknowledged."""
    for number, message in enumerate(messages):
        # As a double, which is how JSON numbers are commonly read; it holds such a time to a quarter of a µs.
        yield Sent(number, message["device"], round(message["ts"] * 1_000_000), message["data"])
        yield Accepted(number, "", -1, -1)


def _all_read(pipeline: Stack, before: Samples, count: int) -> bool:
    return _taken(_processed(pipeline)) - _taken(before) == count and not any(unread(pipeline.brokers).values())


def _processed(pipeline: Stack) -> Samples:
    samples = scrape(pipeline.url("process_readings"))
    assert samples is not None
    return samples


def _taken(samples: Samples) -> float:
    return samples.total("headrace_received_records_total")


def _repeats(samples: Samples) -> float:
    return samples.total("headrace_readings_total", fate="repeat")
