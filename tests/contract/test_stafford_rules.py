"""A day of three real room sensors through the rules: every reading has one fate, and nothing depends on batches."""

import json
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest

from deploy.local.paths import PROJECT
from process_readings.device_types import load_device_types
from tests.unit.process_readings.driver import SECOND, T0, Driver, Raw, stored_windows

ARCHIVE = "sensors/stafford-iot-mqtt/sample_data/raw_data_xlarge.json.zip"
Message = dict[str, object]


@pytest.fixture(scope="module")
def messages(shared_data: Path) -> list[Message]:
    with zipfile.ZipFile(shared_data / ARCHIVE) as archive:
        found: list[Message] = json.loads(archive.read("raw_data_xlarge.json"))
    return found


@pytest.fixture(scope="module")
def driven(messages: list[Message]) -> Driver:
    driver = Driver(load_device_types(PROJECT / "deploy" / "device_types.yaml"))
    records = [_raw(message) for message in messages]
    for begin in range(0, len(records), 1_000):
        driver.send(*records[begin : begin + 1_000])
    return driver


def _raw(message: Message) -> Raw:
    at = (float(str(message["ts"])) * SECOND - T0) / SECOND
    headers = {"device_type": "environment_sensor"}
    return Raw(json.dumps(message).encode(), at, f"main/{message['device']}".encode(), headers)


def test_every_reading_is_stored_once_or_a_repeat(driven: Driver, messages: list[Message]) -> None:
    counts = driven.rules.counts
    assert counts.readings == 7 * len(messages) == 351_890
    assert (counts.repeats, counts.late, sum(counts.dead_letters.values())) == (7, 0, 0)
    rows = {(r.device, r.metric, r.time, r.n) for r in driven.clean()}
    assert len(rows) == counts.clean == counts.readings - counts.repeats


def test_windows_hold_every_number_but_those_still_open(driven: Driver, messages: list[Message]) -> None:
    table = stored_windows(driven.windows())
    held: dict[int, int] = defaultdict(int)
    for window in table.values():
        held[window.width] += window.count
    out_of_range = driven.rules.counts.flags["out_of_range"]
    numeric = 5 * (len(messages) - 1) - out_of_range
    assert numeric - 200 <= held[60 * SECOND] <= held[10 * SECOND] <= numeric


def test_devices_are_registered_under_the_type_of_their_route(driven: Driver) -> None:
    assert {(d.device, d.type) for d in driven.devices()} == {
        (f"iot-device-0{number}", "environment_sensor") for number in (1, 2, 3)
    }
