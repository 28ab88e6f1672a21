"""What people do at kiosks, on a real broker, Kafka and Cassandra: under subjects, once, and never in clear."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from headrace.cassandra import CassandraSettings
from headrace.interactions.records import Interaction
from headrace.records import decode
from headrace.subjects.keys import ensure_keys
from headrace.subjects.personal import decrypt_personal
from headrace.subjects.subjects import Subjects, open_subjects
from headrace.testing import wait_until
from tests.integration.ingest_mqtt.bridge_process import Bridge, Record, read_all
from tests.integration.ingest_mqtt.conftest import StartBridge
from tests.integration.ingest_mqtt.device import Device
from tests.integration.subjects.traces import files_with, forms, records_with

pytestmark = pytest.mark.integration
PERSONAL = "ingest_mqtt_personal"
_ROUTES = """
site: {name}
subscribe: ["{name}/devices/#"]
routes: [{{name: telemetry, pattern: "{name}/devices/{{device}}/telemetry", format: json}}]
personal:
  subscribe: ["{name}/kiosks/#"]
  routes: [{{name: kiosk, pattern: "{name}/kiosks/{{kiosk}}/events", session: "{{kiosk}}-{{visit}}"}}]
"""
Start = Callable[[], Bridge]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "subjects.json"
    ensure_keys(path)
    return path


@pytest.fixture
def edge(stack: Stack, keys: Path) -> Iterator[Subjects]:
    """Subjects as the API has them: the same keys and the same table."""
    stack.create_tables()
    settings = CassandraSettings(brokers=stack.brokers, cassandra_port=stack.ports.cassandra)
    subjects = open_subjects(settings, keys)
    subjects.erased.start()
    yield subjects
    subjects.erased.stop()
    subjects.store.close()


@pytest.fixture
def start(start_bridge: StartBridge, stack: Stack, keys: Path, tmp_path: Path, edge: Subjects) -> Start:
    def begin() -> Bridge:
        name = f"t{uuid4().hex[:12]}"
        routes = tmp_path / "personal.yaml"
        routes.write_text(_ROUTES.format(name=name))
        return start_bridge(
            name,
            INGEST_MQTT_ROUTES=str(routes),
            INGEST_MQTT_SUBJECT_KEYS=str(keys),
            INGEST_MQTT_CASSANDRA_PORT=str(stack.ports.cassandra),
        )

    return begin


def events(bridge: Bridge) -> list[tuple[Record, Interaction]]:
    found = [(record, decode(record.value, list(record.headers.items()))) for record in raw(bridge)]
    return [(record, one) for record, one in found if isinstance(one, Interaction)]


def raw(bridge: Bridge) -> list[Record]:
    site = f'"site":"{bridge.name}"'.encode()
    return [record for record in read_all(bridge.stack.brokers, "interactions.raw") if site in record.value]


def event(user: str, number: int = 1, **more: object) -> bytes:
    return json.dumps({"kind": "view", "item": "cup", "id": f"e{number}", "user": user, **more}).encode()


def test_event_of_a_kiosk_is_an_interaction_of_the_apis_subject_and_nowhere_in_clear(
    start: Start, player: Device, edge: Subjects, stack: Stack
) -> None:
    bridge, user, mail = start(), f"anna-{uuid4().hex}", f"{uuid4().hex}@example.org"
    topic = f"{bridge.name}/kiosks/k1/events"
    player.publish(topic, event(user, visit="v1", personal={"mail": mail}), receipt=b"1")
    player.publish(topic, event(user, visit="v1", personal={"mail": mail}), receipt=b"2")
    player.publish(topic, json.dumps([{"kind": "view", "item": "a", "user": user}] * 2).encode(), receipt=b"3")
    player.publish(topic, json.dumps([{"kind": "view", "item": "a", "user": user}] * 2).encode(), receipt=b"4")
    player.wait_receipts(4)
    subject = edge.subject_of(bridge.name, user)
    found = events(bridge)
    assert {(record.key, one.subject) for record, one in found} == {(subject.id.encode(), subject.id)}
    ids = [one.id for _, one in found]
    assert ids[:2] == ["e1", "e1"]
    assert len(set(ids[2:])) == 4
    assert decrypt_personal(subject, found[0][1].personal or "") == {"mail": mail}
    assert {player.receipts[name]["topic"] for name in (b"1", b"3")} == {"interactions.raw"}
    secrets = forms(user) | forms(mail)
    assert records_with(stack.brokers, secrets) == []
    assert files_with(stack.layout.data("kafka"), secrets) == []
    wait_until(lambda: bridge.metric("acked_messages_total", service=PERSONAL) == 4, "acks")


def test_message_published_again_with_its_id_is_the_same_events(start: Start, player: Device) -> None:
    bridge = start()
    body = json.dumps([{"kind": "view", "item": item, "user": "bert"} for item in "ab"]).encode()
    for receipt in (b"first", b"again"):
        player.publish(f"{bridge.name}/kiosks/k1/events", body, receipt=receipt, user=[("id", "m-7")])
    player.wait_receipts(2)
    ids = [one.id for _, one in events(bridge)]
    assert (ids[:2], len(set(ids))) == (ids[2:], 2)


def test_malformed_event_is_a_letter_without_values_and_the_rest_goes_on(
    start: Start, player: Device, stack: Stack
) -> None:
    bridge, user = start(), f"carl-{uuid4().hex}"
    topic = f"{bridge.name}/kiosks/k1/events"
    player.publish(topic, event(user, kind=user), receipt=b"kind")
    player.publish(topic, f'{{"user": "{user}"'.encode(), receipt=b"json")
    player.publish(f"{bridge.name}/kiosks/{user}/other", event(user), receipt=b"route")
    player.publish(topic, event("dora"), receipt=b"good")
    player.wait_receipts(4)
    told = {name: receipt.get("reason") for name, receipt in player.receipts.items()}
    assert told == {b"kind": "invalid_record", b"json": "malformed_json", b"route": "no_route", b"good": None}
    letters = [json.loads(letter.value) for letter in bridge.records("deadletters")]
    # They are in partitions of their own, so in any order.
    [shown] = [letter for letter in letters if "events" in letter]
    assert len(letters) == 2
    assert shown["events"][0]["fields"]["user"] == f"text of {len(user)} characters"
    assert records_with(stack.brokers, forms(user)) == []
    assert len(events(bridge)) == 1


def test_while_cassandra_is_away_people_wait_and_devices_do_not(
    start: Start, player: Device, stack: Stack, edge: Subjects
) -> None:
    bridge = start()
    topic = f"{bridge.name}/kiosks/k1/events"
    stack.kill("cassandra")
    try:
        for number in range(40):
            player.publish(topic, event(f"user-{number % 7}", number), receipt=b"%d" % number)
        wait_until(lambda: "personal" in bridge.problems(), "the bridge to say so", 30)
        for number in range(200):
            player.publish(bridge.topic(), b"%d" % number)
        wait_until(lambda: bridge.metric("acked_messages_total") == 200, "the devices' acks")
        assert len(bridge.records()) == 200
        assert bridge.metric("acked_messages_total", service=PERSONAL) == 0
        assert raw(bridge) == []
        bridge.end()
    finally:
        stack.up("cassandra")
    bridge.start(ready=False)
    player.wait_receipts(40, 60)
    found = events(bridge)
    assert sorted(one.id for _, one in found) == sorted(f"e{number}" for number in range(40))
    for number in range(7):
        subject = edge.subject_of(bridge.name, f"user-{number}")
        mine = [int(one.id[1:]) for _, one in found if one.subject == subject.id]
        assert mine == list(range(number, 40, 7))
    wait_until(lambda: bridge.metric("acked_messages_total", service=PERSONAL) == 40, "their acks")
    bridge.wait_ready()


def test_bridge_without_keys_of_subjects_says_what_to_set(start_bridge: StartBridge, tmp_path: Path) -> None:
    routes = tmp_path / "personal.yaml"
    routes.write_text(_ROUTES.format(name="t1"))
    bridge = start_bridge("t1", ready=False, INGEST_MQTT_ROUTES=str(routes))
    assert bridge.wait_end() == 2
    assert "INGEST_MQTT_SUBJECT_KEYS" in bridge.log.read_text()
