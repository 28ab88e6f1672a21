"""Real payloads of real devices, from their MQTT topic to readings: bridge routes and decoders together."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from deploy.local.paths import PROJECT
from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from ingest_mqtt.routes import RouteTable, Target, load_routes
from process_readings.decode import decode_record

RECEIVED = 1_700_000_000_000_000
EXPECTED = yaml.safe_load((Path(__file__).parent / "expected_readings.yaml").read_text())


@pytest.fixture(scope="module")
def routes() -> RouteTable:
    return load_routes(PROJECT / "deploy" / "routes.yaml")


@pytest.fixture(scope="module")
def payloads(shared_data: Path) -> Path:
    return shared_data / "payloads" / "mqtt-payloads"


def messages_of(file: Path, topic: str = "") -> list[tuple[str, bytes]]:
    """Topic and payload of each line; TTN's have no topic and are objects."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [(line.get("topic", topic), _body(line["payload"])) for line in lines]


def _body(payload: object) -> bytes:
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


def read(routes: RouteTable, topic: str, payload: bytes) -> tuple[Target, list[Reading] | Reason]:
    """What the bridge and the decoders make of a message."""
    target = routes.resolve(topic.encode())
    assert isinstance(target, Target), f"{topic} has no route"
    headers = [*target.headers, ("received", str(RECEIVED).encode())]
    try:
        return target, decode_record(payload, target.key, headers, ("readings.raw", 0, 0), RECEIVED)
    except TerminalError as error:
        return target, error.reason


def expected_of(entry: dict[str, Any]) -> list[tuple[object, ...]] | Reason:
    if "reason" in entry:
        return Reason(entry["reason"])
    time = round(datetime.fromisoformat(entry["time"]).timestamp() * 1e6) if "time" in entry else RECEIVED
    source = "device" if "time" in entry else "received"
    units, flags = entry.get("units", {}), entry.get("flags", {})
    return [
        (metric, type(value), value, units.get(metric), time, source, entry.get("seq"), flags.get(metric))
        for metric, value in entry["readings"].items()
    ]


def _row(r: Reading) -> tuple[object, ...]:
    flag = r.flags[0] if r.flags else None
    return r.metric, type(r.value), r.value, r.unit, r.time, r.time_source, r.seq, flag


@pytest.mark.parametrize(("name", "count"), [("tasmota", 51), ("mixed", 12), ("ttn", 11)])
def test_payloads_equal_what_a_person_reads_in_them(name: str, count: int, payloads: Path, routes: RouteTable) -> None:
    messages = messages_of(payloads / name / f"{name}.jsonl", topic="v3/app1/devices/dev1/up")
    assert len(messages) == len(EXPECTED[name]) == count
    for (topic, payload), entry in zip(messages, EXPECTED[name], strict=True):
        target, found = read(routes, topic, payload)
        assert target.device == entry["device"]
        rows = found if isinstance(found, Reason) else [_row(reading) for reading in found]
        assert rows == expected_of(entry), f"{topic} {payload!r}"


def test_payloads_that_are_not_json_are_read_or_refused_with_their_reason(payloads: Path, routes: RouteTable) -> None:
    lines = [json.loads(line) for line in (payloads / "tasmota" / "tasmota.jsonl").read_text().splitlines()]
    odd = [read(routes, line["topic"], _body(line["payload"]))[1] for line in lines if not line["valid_json"]]
    assert [found if isinstance(found, Reason) else len(found) for found in odd] == [
        Reason.MALFORMED_JSON,
        8,
        1,
        Reason.EMPTY_BODY,
        1,
        1,
    ]


def test_sparkplug_is_an_unsupported_format(payloads: Path, routes: RouteTable) -> None:
    messages = messages_of(payloads / "sparkplug" / "spec-examples.jsonl", topic="spBv1.0/plant/DDATA/edge/pump")
    assert len(messages) == 18
    assert {read(routes, *message)[1] for message in messages} == {Reason.UNSUPPORTED_FORMAT}


def test_day_of_three_raspberry_pis_is_read_to_the_last_value(shared_data: Path, routes: RouteTable) -> None:
    archive = shared_data / "sensors" / "stafford-iot-mqtt" / "sample_data" / "raw_data_xlarge.json.zip"
    with ZipFile(archive) as files:
        bodies = _bodies(files.read(files.namelist()[0]).decode())
    assert len(bodies) == 50_270
    for body in bodies:
        _, found = read(routes, f"devices/{body['device']}/telemetry", json.dumps(body).encode())
        assert not isinstance(found, Reason)
        assert {reading.metric: reading.value for reading in found} == body["data"]
        assert {reading.time for reading in found} == {round(body["ts"] * 1e6)}


def _bodies(text: str) -> list[dict[str, Any]]:
    found = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
    assert isinstance(found, list)
    return found
