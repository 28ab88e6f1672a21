"""The project's own routes file, on the topics of real devices."""

import json
from pathlib import Path

import pytest

from ingest_mqtt.routes import Drop, RouteTable, Target, load_routes
from ingest_mqtt.settings import ROUTES_FILE


@pytest.fixture(scope="module")
def routes() -> RouteTable:
    return load_routes(ROUTES_FILE)


def _what(routes: RouteTable, topic: str) -> tuple[str, str, str] | str | None:
    """Format, device and metric of a topic, the name under which it is dropped, or None."""
    target = routes.resolve(topic.encode())
    if isinstance(target, Target):
        headers = dict(target.headers)
        return headers["format"].decode(), target.device, headers.get("metric", b"").decode()
    return target.name if isinstance(target, Drop) else None


def _topics(shared_data: Path, name: str) -> list[str]:
    lines = (shared_data / "payloads" / "mqtt-payloads" / name).read_text().splitlines()
    return [json.loads(line)["topic"] for line in lines]


def test_every_tasmota_topic_keeps_its_device_and_message(routes: RouteTable, shared_data: Path) -> None:
    topics = _topics(shared_data, "tasmota/tasmota.jsonl")

    assert len(topics) == 51
    for topic in topics:
        _, _, rest = topic.partition("/")
        device, _, message = rest.rpartition("/")
        assert _what(routes, topic) == ("tasmota", device, message)


def test_mixed_topics_are_what_they_are(routes: RouteTable, shared_data: Path) -> None:
    zwave = ("value", "BackRoom/Multisensor", "sensor_multilevel.endpoint_0.Air_temperature")
    assert [_what(routes, topic) for topic in _topics(shared_data, "mixed/mixed.jsonl")] == [
        ("zigbee2mqtt", "0x00157d00032b1234", ""),
        ("value", "room", "sensor.temperature"),
        ("value", "room", "emeter.0.power"),
        ("value", "livingroom", "TEMPERATURE"),
        ("tasmota", "room", ""),
        ("tasmota", "balcony", "SENSOR"),
        zwave,
        zwave,
        ("value", "indoor", "temperature"),
        ("value", "indoor", "sunlight"),
        ("value", "hub1/some_room", "temperature"),
        ("json", "!ba0dd62c", ""),
    ]


@pytest.mark.parametrize(
    ("topic", "what"),
    [
        ("devices/m1/telemetry", ("json", "m1", "")),
        ("devices/m1/telemetry/senml", ("senml+json", "m1", "")),
        ("devices/m1/telemetry/senml-cbor", ("senml+cbor", "m1", "")),
        ("devices/m1/unknown", None),
        ("values/m1/flow", ("value", "m1", "flow")),
        ("zigbee2mqtt/attic/lamp", ("zigbee2mqtt", "attic/lamp", "")),
        ("zigbee2mqtt/attic/lamp/availability", ("zigbee2mqtt", "attic/lamp", "availability")),
        ("zigbee2mqtt/attic/lamp/set", "zigbee2mqtt_command"),
        ("zigbee2mqtt/attic/lamp/set/state", "zigbee2mqtt_command_attribute"),
        ("zigbee2mqtt/attic/lamp/get", "zigbee2mqtt_query"),
        ("zigbee2mqtt/bridge/devices", "zigbee2mqtt_bridge"),
        ("shellies/plug/relay/0", ("value", "plug", "relay.0")),
        ("shellies/plug/relay/0/command", "shelly_command"),
        ("v3/app1@tenant/devices/dev1/up", ("ttn", "dev1", "up")),
        ("v3/app1@tenant/devices/dev1/join", ("ttn", "dev1", "join")),
        ("v3/app1@tenant/devices/dev1/down/sent", ("ttn", "dev1", "down.sent")),
        ("v3/app1@tenant/devices/dev1/down/push", "ttn_downlink_command"),
        ("spBv1.0/plant/DDATA/edge/pump", ("sparkplug", "edge/pump", "")),
        ("spBv1.0/STATE/host", ("sparkplug", "host", "")),
        ("v1/devices/me/telemetry", None),
    ],
)
def test_topics_of_known_conventions(routes: RouteTable, topic: str, what: object) -> None:
    assert _what(routes, topic) == what


def test_a_content_type_chooses_senml(routes: RouteTable) -> None:
    target = routes.resolve(b"devices/m1/telemetry")

    assert isinstance(target, Target)
    chosen = {name: dict(headers)["format"] for name, headers in target.by_content_type.items()}
    assert chosen == {"application/senml+json": b"senml+json", "application/senml+cbor": b"senml+cbor"}
