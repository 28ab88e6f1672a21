"""`headrace replay` with the rules of process_readings, as they are installed, beside the running service."""

import json
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from headrace import raw
from headrace.cli import build_cli
from headrace.kafka import Producer
from headrace.range_reader import RangeReader
from headrace.records import record_key
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until

READINGS = 300
pytestmark = pytest.mark.integration


@pytest.fixture
def running(stack: Stack) -> Iterator[Stack]:
    stack.up("process_readings")
    yield stack
    stack.stop("process_readings")


def replay(stack: Stack, *arguments: str) -> None:
    done = CliRunner().invoke(build_cli(), ["replay", *arguments, "--brokers", stack.brokers], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def produce(stack: Stack, device: str) -> None:
    producer = Producer(stack.brokers, "test")
    now = time.time()
    for number in range(READINGS):
        body = json.dumps({"ts": now - 60 + number / 10, "level": float(number % 7)}).encode()
        headers = [(raw.FORMAT, b"json"), (raw.RECEIVED, b"%d" % (now * 1e6))]
        producer.produce("readings.raw", body, record_key("here", device), headers)
    producer.produce("readings.raw", b"{", record_key("here", device), headers)
    producer.flush(30)


def values_of(stack: Stack, topic: str, device: str) -> list[bytes | None]:
    """The records of a device in a topic, in order."""
    found = []
    for number, (start, end) in enumerate(find_ranges(stack.brokers, [topic], 0, None)[topic]):
        reader = RangeReader(stack.brokers, topic, number)
        reader.start(start, end)
        while not reader.is_done:
            found += [m.value() for m in reader.read() if m.key() == record_key("here", device)]
        reader.close()
    return found


def test_same_readings_and_dead_letters_as_live(running: Stack) -> None:
    since, device, name = time.time(), f"tank-{uuid4()}", f"r{uuid4().hex[:8]}"
    produce(running, device)
    wait_until(lambda: len(values_of(running, "readings.clean", device)) == READINGS, "the live readings", every=0.5)
    replay(running, "readings.raw", "--from", f"{since:.3f}", "--into", name)
    for topic in ("readings.clean", "deadletters"):
        live = values_of(running, topic, device)
        assert live and values_of(running, f"{topic}.{name}", device) == live
    assert values_of(running, f"readings.windows.{name}", device)
    replay(running, "drop", name, "--yes")
