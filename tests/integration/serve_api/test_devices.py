"""`/v1/devices` on real tables and the real registry topic."""

import json
import secrets
import time
from urllib.parse import quote

import pytest

from deploy.local.stack import Stack
from headrace.records import Device
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.registry import records_of
from tests.integration.serve_api.tables import SITE, Tables

pytestmark = pytest.mark.integration

SEEN = 1_769_860_800_000_000


def _observed(device: str) -> Device:
    return Device(SITE, device, "default", "observed", SEEN, SEEN)


def test_pages_are_all_devices_by_name(api: Api, tables: Tables) -> None:
    prefix = f"tests/{secrets.token_hex(4)}"
    names = [f"{prefix}/{number:03}" for number in range(20)]
    tables.write(*map(_observed, names))

    pages = list(api.pages("/v1/devices", limit=3))

    assert all(len(page) <= 3 for page in pages)
    assert [row["device"] for page in pages for row in page if row["device"].startswith(prefix)] == names


@pytest.mark.parametrize("name", ["{}/a/b", "{} with spaces", "{}%2F", "{}ö", "{}?a=b&c#d", "{}+", "{}/.."])
def test_any_name_can_be_asked_for(api: Api, tables: Tables, device: str, name: str) -> None:
    name = name.format(device)
    tables.write(_observed(name))
    found = api.get(f"/v1/devices/{quote(name, safe='')}")
    assert (found.status_code, found.json()["device"]) == (200, name)


def test_slashes_may_be_sent_as_they_are(api: Api, tables: Tables, device: str) -> None:
    tables.write(_observed(device))
    assert api.get(f"/v1/devices/{device}").json()["device"] == device


def test_an_unknown_device_is_404(api: Api, device: str) -> None:
    found = api.get(f"/v1/devices/{device}")
    assert (found.status_code, found.headers["content-type"]) == (404, "application/problem+json")
    assert device in found.json()["detail"]


def test_a_put_is_in_the_registry_when_it_is_answered(api: Api, stack: Stack, device: str) -> None:
    before = time.time_ns() // 1_000_000
    body = {"type": "tasmota", "zone": "Europe/Berlin", "labels": {"room": "küche"}, "expected_interval": 300}

    answer = api.put(f"/v1/devices/{device}", body)

    assert answer.status_code == 202, answer.text
    (record,) = records_of(stack.brokers, f"{SITE}/{device}".encode(), 1)
    assert record.headers() == [("schema", b"device.v1")]
    value = json.loads(record.value() or b"")
    assert {name: value[name] for name in ("site", "device", "source", *body)} == {
        "site": SITE,
        "device": device,
        "source": "api",
        **body,
    }
    assert value["first_seen"] == value["updated"]
    assert before <= value["updated"] // 1_000 <= time.time_ns() // 1_000_000
    row = answer.json()
    assert {name: row[name] for name in body} == body
    assert row["source"] == "api"


def test_a_put_keeps_when_the_device_was_first_seen_and_replaces_the_rest(
    api: Api, tables: Tables, stack: Stack, device: str
) -> None:
    tables.write(_observed(device))
    api.put(f"/v1/devices/{device}", {"type": "host", "labels": {"a": "b"}, "expected_interval": 5})
    api.put(f"/v1/devices/{device}", {"type": "tasmota"})

    last = json.loads(records_of(stack.brokers, f"{SITE}/{device}".encode(), 2)[1].value() or b"")

    assert last["first_seen"] == SEEN < last["updated"]
    assert "labels" not in last and "expected_interval" not in last
    assert last["type"] == "tasmota"


def test_what_was_set_is_shown_before_what_was_observed(api: Api, tables: Tables, device: str) -> None:
    changed = Device(SITE, device, "tasmota", "api", SEEN, SEEN + 1, "Europe/Berlin", {"a": "b"}, 60.0)
    tables.write(changed, _observed(device))
    assert api.get(f"/v1/devices/{device}").json() == {
        "device": device,
        "type": "tasmota",
        "zone": "Europe/Berlin",
        "labels": {"a": "b"},
        "expected_interval": 60.0,
        "source": "api",
        "first_seen": "2026-01-31T12:00:00.000000Z",
        "updated": "2026-01-31T12:00:00.000001Z",
        "updated_ms": 1_769_860_800_000,
    }
