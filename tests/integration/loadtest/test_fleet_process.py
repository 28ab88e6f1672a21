"""The fleet as a process: what a subscriber gets is what its history says, and SIGTERM ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from headrace.testing import wait_until
from loadtest.history import Sent, read
from tests.integration.loadtest.subscriber import subscriber

pytestmark = pytest.mark.integration


def test_history_is_what_was_published(broker: Stack, tmp_path: Path) -> None:
    history = tmp_path / "fleet.jsonl"
    run = [sys.executable, "-m", "loadtest.devices.fleet", "--port", str(broker.ports.mqtt), "--history", str(history)]
    run += ["--meters", "5", "--speed", "36000", "--faults", "0.2", "--seed", "4"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "services")))}
    with subscriber(broker, "devices/+/telemetry") as arrived:
        with subprocess.Popen(run, env=environment) as fleet:
            wait_until(lambda: arrived.qsize() > 200, "200 messages")
            fleet.send_signal(signal.SIGTERM)
            assert fleet.wait(15) == 0
        sent = [event for event in read(history) if isinstance(event, Sent)]
        messages = [arrived.get(timeout=10) for _ in sent]
    assert [message.topic for message in messages] == [f"devices/{event.device}/telemetry" for event in sent]
    assert [_values(message.payload) for message in messages] == [event.values for event in sent]


def _values(body: bytes | bytearray) -> object:
    try:
        return json.loads(body)["values"]
    except ValueError:
        return {}
