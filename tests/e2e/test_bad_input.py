"""Bad input becomes a dead letter with its reason within 10 s, and what comes after it on the same device goes on."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher, Receipt
from loadtest.scan_cassandra import cassandra_session, stored_rows
from loadtest.scan_kafka import dead_letters, unread

pytestmark = [pytest.mark.integration]

BAD = {
    "malformed_json": ("telemetry", b'{"temperature": 21.5', "malformed_json"),
    "nan": ("telemetry", b"nan", "malformed_json"),
    "wrong_utf8": ("telemetry", b'{"temp\xff\xfeerature": 21.5}', "invalid_utf8"),
    "ten_megabytes": ("telemetry", b'{"text": "' + b"x" * 10_000_000 + b'"}', "too_large"),
    "null_bytes": ("telemetry", b"\x00" * 64, "malformed_json"),
    "deep_nesting": ("telemetry", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
    "empty_body": ("telemetry", b"", "empty_body"),
    "unknown_topic": ("no/such/topic", b'{"temperature": 21.5}', "no_route"),
    "another_device": ("telemetry", b'{"device": "somebody-else", "temperature": 21.5}', "device_mismatch"),
}
"""Topic below the device, body, and the reason that is due."""


@pytest.mark.parametrize("case", BAD)
def test_is_dead_lettered_with_its_reason_and_the_partition_goes_on(pipeline: Stack, case: str) -> None:
    topic, body, reason = BAD[case]
    device = f"bad-{case}"
    number = list(BAD).index(case) + 7_000_000
    after = {"ts": time.time_ns() // 1_000_000, "temperature": 20.5}
    receipts: list[Receipt] = []
    messages = [
        Message(topic_field(f"devices/{device}/{topic}"), body, number),
        Message(topic_field(f"devices/{device}/telemetry"), json.dumps(after).encode(), number + 500),
    ]
    asyncio.run(_publish(pipeline, messages, receipts))

    wait_until(lambda: number in _reasons(pipeline), f"a dead letter of {case}", 10, every=0.2)
    assert _reasons(pipeline)[number] == reason
    assert {receipt.number for receipt in receipts} == {number, number + 500}
    wait_until(lambda: 20.5 in _stored(pipeline, device), f"the reading after {case}", 10, every=0.2)
    wait_until(lambda: not any(unread(pipeline.brokers).values()), "every consumer at the end", 10, every=0.2)


def test_nan_among_good_values_costs_no_value(pipeline: Stack) -> None:
    body = b'{"ts":%d,"temperature":nan,"humidity":40.5}' % (time.time_ns() // 1_000_000)
    receipts: list[Receipt] = []
    asyncio.run(_publish(pipeline, [Message(topic_field("devices/half-nan/telemetry"), body, 7_900_000)], receipts))
    wait_until(lambda: _stored(pipeline, "half-nan") == {"nan", 40.5}, "both values", 10, every=0.2)


async def _publish(pipeline: Stack, messages: list[Message], receipts: list[Receipt]) -> None:
    client_id = f"bad-{messages[0].number}"
    async with Publisher(pipeline.host, pipeline.ports.mqtt, client_id, on_receipts=receipts.extend) as publisher:
        await publisher.publish(messages)
        async with asyncio.timeout(20):
            while len({receipt.number for receipt in receipts}) < len(messages):
                await asyncio.sleep(0.02)


def _reasons(pipeline: Stack) -> dict[int, str]:
    letters = dead_letters(pipeline.brokers)
    return {letter.number: letter.reason for letter in letters if letter.number is not None}


def _stored(pipeline: Stack, device: str) -> set[object]:
    with cassandra_session(pipeline.host, pipeline.ports.cassandra) as session:
        return {row.value for row in stored_rows(session) if row.device == device}
