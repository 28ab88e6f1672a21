"""Format `ttn`."""

import json

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import readings_of, refusal_of, values_of

TTN = Format.TTN
IDS = {"device_id": "boiler-1", "application_ids": {"application_id": "app1"}}


def uplink(**fields: object) -> str:
    return json.dumps({"end_device_ids": IDS, "received_at": "2021-07-08T11:17:59Z", "uplink_message": fields})


def test_uplink_gives_the_decoded_values_at_the_network_servers_time() -> None:
    body = uplink(f_cnt=202, decoded_payload={"t": 32, "wind": {"speed": 9.5}}, received_at="2021-07-08T11:17:58.5Z")
    assert [(r.metric, r.value, r.seq, r.time) for r in readings_of(body, TTN)] == [
        ("t", 32, 202, 1_625_743_078_500_000),
        ("wind.speed", 9.5, 202, 1_625_743_078_500_000),
    ]


def test_times_that_stand_in_for_a_missing_one() -> None:
    assert readings_of(uplink(decoded_payload={"t": 1}), TTN)[0].time == 1_625_743_079_000_000
    body = '{"uplink_message":{"settings":{"time":"2021-07-08T11:17:57Z"},"decoded_payload":{"t":1}}}'
    assert readings_of(body, TTN)[0].time == 1_625_743_077_000_000
    assert readings_of('{"uplink_message":{"decoded_payload":{"t":1}}}', TTN)[0].time_source == "received"


@pytest.mark.parametrize("decoded", [{}, {"decoded_payload": {}}])
def test_payload_that_the_network_did_not_decode_is_kept_as_base64(decoded: dict[str, object]) -> None:
    (reading,) = readings_of(uplink(frm_payload="ICw=", **decoded), TTN)
    assert (reading.metric, reading.text, reading.flags) == ("frm_payload", "ICw=", ("base64",))


@pytest.mark.parametrize("event", ["join_accept", "downlink_ack", "downlink_failed", "service_data"])
def test_other_event_is_a_text_reading(event: str) -> None:
    body = json.dumps({"end_device_ids": IDS, "received_at": "2020-02-17T07:49:09Z", event: {"f_cnt": 3}})
    (reading,) = readings_of(body, TTN)
    assert (reading.metric, reading.text, reading.seq) == ("network.event", event, None)
    assert reading.time == 1_581_925_749_000_000


def test_solved_location_is_read() -> None:
    body = '{"location_solved":{"service":"gls","location":{"latitude":52.5,"accuracy":20}}}'
    assert values_of(body, TTN) == {
        "network.event": "location_solved",
        "network.location.latitude": 52.5,
        "network.location.accuracy": 20,
    }


def test_uplink_must_be_the_topics_device() -> None:
    body = uplink(decoded_payload={"t": 1})
    assert values_of(body, TTN, device="app1/boiler-1") == {"t": 1}
    assert refusal_of(body, TTN, device="boiler-2") is Reason.DEVICE_MISMATCH


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"downlinks":[{"f_port":15}]}', Reason.NO_READINGS),
        ('{"uplink_message":{"f_port":1}}', Reason.NO_READINGS),
        ('{"uplink_message":3}', Reason.UNEXPECTED_SHAPE),
        ("[]", Reason.UNEXPECTED_SHAPE),
        ('{"uplink_message":{"received_at":"soon","decoded_payload":{"t":1}}}', Reason.INVALID_TIME),
    ],
)
def test_what_holds_no_uplink_is_refused(body: str, reason: Reason) -> None:
    assert refusal_of(body, TTN) is reason
