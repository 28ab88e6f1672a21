"""`headrace deadletters` on a real Kafka with a real processor: list, show, mend, replay, and twice is once."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from headrace import raw
from headrace.cli import build_cli
from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import DeadLetters
from headrace.kafka import Consumer, Producer
from headrace.records import record_key
from headrace.testing import wait_until

RECEIVED_US = 1_795_500_000_000_000
pytestmark = pytest.mark.integration


@pytest.fixture
def running(stack: Stack) -> Iterator[Stack]:
    stack.up("process_readings")
    yield stack
    stack.stop("process_readings")


def command(stack: Stack, *arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(
        build_cli(), ["deadletters", *arguments, "--brokers", stack.brokers], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def letters_of(stack: Stack, device: str) -> list[DeadLetter]:
    return [letter for letter in DeadLetters(stack.brokers).read_all() if letter.key == record_key("here", device)]


def values_of(stack: Stack, device: str, until: str) -> list[float]:
    """The values in `readings.clean` of a device, up to the record of its metric `until`."""
    consumer = Consumer(stack.brokers, f"test-{uuid4()}", ["readings.clean"])
    found: list[dict[str, object]] = []

    def take() -> bool:
        for messages in consumer.poll_batch(1_000, 0.2).values():
            found.extend(json.loads(m.value() or b"{}") for m in messages if m.key() == record_key("here", device))
        return any(reading["metric"] == until for reading in found)

    try:
        wait_until(take, f"a reading of {until}", 30)
    finally:
        consumer.close()
    return [float(str(reading["number"])) for reading in found if reading["metric"] == "level"]


def test_letter_is_listed_shown_mended_and_goes_through_once(running: Stack, tmp_path: Path) -> None:
    device = f"tank-{uuid4()}"
    producer = Producer(running.brokers, "test")
    headers = [(raw.FORMAT, b"json"), (raw.RECEIVED, b"%d" % RECEIVED_US)]
    producer.produce("readings.raw", b'{"level": 12.5', record_key("here", device), headers)
    producer.flush(30)
    (letter,) = wait_until(lambda: letters_of(running, device), "the dead letter")

    assert letter.id in command(running, "list", "--reason", "malformed_json")
    shown = command(running, "show", letter.id)
    assert "malformed_json" in shown and '{"level": 12.5' in shown

    mended = tmp_path / "mended.json"
    mended.write_text('{"level": 12.5}')
    for _ in range(2):
        assert "1 replayed" in command(running, "replay", letter.id, "--body", str(mended))
    producer.produce("readings.raw", b'{"end": 1.0}', record_key("here", device), headers)
    producer.flush(30)
    assert values_of(running, device, until="end") == [12.5]


def test_letter_that_is_still_wrong_becomes_one_again(running: Stack) -> None:
    device = f"tank-{uuid4()}"
    producer = Producer(running.brokers, "test")
    headers = [(raw.FORMAT, b"json"), (raw.RECEIVED, b"%d" % RECEIVED_US)]
    producer.produce("readings.raw", b"", record_key("here", device), headers)
    producer.flush(30)
    (letter,) = wait_until(lambda: letters_of(running, device), "the dead letter")
    command(running, "replay", letter.id)
    again = wait_until(lambda: [found for found in letters_of(running, device) if found.id != letter.id], "it again")
    assert (again[0].reason, again[0].received) == (letter.reason, RECEIVED_US)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["show", "seventeen"], "it looks like 2:17"),
        (["show", "0:999999999"], "no dead letter"),
        (["replay"], "say which"),
    ],
)
def test_wrong_use_is_explained(stack: Stack, arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(build_cli(), ["deadletters", *arguments, "--brokers", stack.brokers])
    assert problem in str(result.exception)
