"""Format `zigbee2mqtt`."""

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import RECEIVED, readings_of, refusal_of, values_of

Z2M = Format.ZIGBEE2MQTT


def test_state_is_flat_and_null_is_unknown() -> None:
    body = '{"temperature":26.24,"contact":false,"state":"ON","action":null,"color":{"x":0.3}}'
    assert values_of(body, Z2M, device="hall/door") == {
        "temperature": 26.24,
        "contact": False,
        "state": "ON",
        "color.x": 0.3,
    }
    assert {(r.time, r.decoder) for r in readings_of(body, Z2M)} == {(RECEIVED, "zigbee2mqtt/1")}


@pytest.mark.parametrize("seen", ["1594598726000", '"2020-07-13T00:05:26+00:00"', '"2020-07-13T02:05:26+02:00"'])
def test_last_seen_is_the_time(seen: str) -> None:
    (reading,) = readings_of(f'{{"t":1,"last_seen":{seen}}}', Z2M)
    assert (reading.time, reading.time_source) == (1_594_598_726_000_000, "device")


def test_described_device_must_be_the_topics() -> None:
    body = '{"t":1,"device":{"friendlyName":"hall/door","model":"MCCGQ11LM"}}'
    assert values_of(body, Z2M, device="hall/door")["device.model"] == "MCCGQ11LM"
    assert refusal_of(body, Z2M, device="hall/lamp") is Reason.DEVICE_MISMATCH


@pytest.mark.parametrize(("body", "metric"), [("online", "availability"), ('{"state":"online"}', "availability.state")])
def test_availability_is_apart_from_the_devices_own_state(body: str, metric: str) -> None:
    assert values_of(body, Z2M, metric="availability") == {metric: "online"}


@pytest.mark.parametrize("body", ["[]", "online", '"x"'])
def test_what_zigbee2mqtt_does_not_send_is_refused(body: str) -> None:
    assert refusal_of(body, Z2M) is Reason.UNEXPECTED_SHAPE
