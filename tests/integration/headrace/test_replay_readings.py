"""`headrace replay` with the rules of process_readings, as they are installed, beside the running service."""

import json
import time
from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from headrace import raw
from headrace.cli import build_cli
from headrace.kafka import Producer
from headrace.range_reader import RangeReader
from headrace.records import Anomaly, AnomalyFeedback, encode, headers_of, record_key
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until
from loadtest.scan_kafka import unread

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


def produce(stack: Stack, device: str, since: int, spike: float) -> None:
    """Readings that are 5 minutes apart, the last of them far away; then a record that can't be read."""
    producer = Producer(stack.brokers, "test")
    headers = [(raw.FORMAT, b"json"), (raw.RECEIVED, b"%d" % (time.time() * 1e6))]
    for number in range(since, since + READINGS):
        level = spike if number == since + READINGS - 1 else float(number % 7)
        body = json.dumps({"ts": 1_790_000_000 + 300 * number, "level": level}).encode()
        producer.produce("readings.raw", body, record_key("here", device), headers)
    producer.produce("readings.raw", b"{", record_key("here", device), headers)
    producer.flush(30)


def say_false(stack: Stack, anomaly: Anomaly) -> None:
    """Feedback, of which the service knows when this returns."""
    said = AnomalyFeedback(
        *(anomaly.id, anomaly.site, anomaly.device, anomaly.metric, anomaly.time, anomaly.n, anomaly.detector),
        verdict="false",
        given=0,
        author="test",
    )
    producer = Producer(stack.brokers, "test")
    producer.produce("anomalies.feedback", encode(said), record_key("here", anomaly.device), headers_of(said))
    producer.flush(30)
    wait_until(lambda: unread(stack.brokers)["process_readings/anomalies.feedback"] == 0, "the feedback", every=0.5)


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


def anomalies_of(stack: Stack, device: str) -> list[Anomaly]:
    return [msgspec.json.decode(value or b"", type=Anomaly) for value in values_of(stack, "readings.anomalies", device)]


def test_same_readings_anomalies_and_dead_letters_as_live(running: Stack) -> None:
    since, device, name = time.time(), f"tank-{uuid4()}", f"r{uuid4().hex[:8]}"
    produce(running, device, 0, 1e3)
    wait_until(lambda: anomalies_of(running, device), "the anomaly", every=0.5)
    say_false(running, anomalies_of(running, device)[0])
    produce(running, device, READINGS, 1e6)
    wait_until(
        lambda: len(values_of(running, "readings.clean", device)) == 2 * READINGS, "the live readings", every=0.5
    )
    first, second = anomalies_of(running, device)
    assert second.threshold > first.threshold
    replay(running, "readings.raw", "--from", f"{since:.3f}", "--into", name)
    for topic in ("readings.clean", "readings.anomalies", "deadletters"):
        live = values_of(running, topic, device)
        assert live and values_of(running, f"{topic}.{name}", device) == live
    assert values_of(running, f"readings.windows.{name}", device)
    replay(running, "drop", name, "--yes")
