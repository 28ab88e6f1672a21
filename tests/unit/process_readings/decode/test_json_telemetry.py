"""Format `json`."""

import pytest

from headrace.errors import Reason
from tests.unit.process_readings.decode.payloads import RECEIVED, Value, readings_of, refusal_of, values_of

AT = 1_594_598_726_539_332


def test_flat_object_takes_the_receive_time() -> None:
    readings = readings_of('{"temperature": 21.5, "count": 3, "open": false, "mode": "eco", "none": null}')
    assert [(r.metric, r.number, r.integer, r.boolean, r.text) for r in readings] == [
        ("temperature", 21.5, None, None, None),
        ("count", None, 3, None, None),
        ("open", None, None, False, None),
        ("mode", None, None, None, "eco"),
    ]
    assert {(r.time, r.time_source, r.decoder) for r in readings} == {(RECEIVED, "received", "json/1")}


@pytest.mark.parametrize("name", ["ts", "time", "timestamp", "Time"])
@pytest.mark.parametrize("wrapper", ["values", "data"])
def test_wrapped_values_lose_the_wrapper_and_take_its_time(name: str, wrapper: str) -> None:
    readings = readings_of(f'{{"{name}": 1594598726.5393324, "{wrapper}": {{"t": 1.5, "u": {{"v": 2}}}}}}')
    assert [(r.metric, r.value, r.time, r.time_source) for r in readings] == [
        ("t", 1.5, AT, "device"),
        ("u.v", 2, AT, "device"),
    ]


def test_members_beside_the_wrapper_are_readings_too() -> None:
    assert values_of('{"ts": 1594598726, "values": {"t": 1.5}, "rssi": -60}') == {"t": 1.5, "rssi": -60}


def test_array_has_a_time_and_a_sequence_number_for_each_object() -> None:
    body = '[{"ts": 1594598726000, "values": {"t": 1}, "seq": 4}, {"t": 2}, {"time": 1594598727, "t": 3}]'
    assert [(r.value, r.time, r.seq, r.origin.index) for r in readings_of(body)] == [
        (1, 1_594_598_726_000_000, 4, 0),
        (2, RECEIVED, None, 1),
        (3, 1_594_598_727_000_000, None, 2),
    ]


def test_nested_names_and_indexes_are_joined_by_dots() -> None:
    expected: dict[str, Value | None] = {"a.b.c": 1, "a.b.d.0": 2, "a.b.d.1.e": "x", "f.0": True}
    assert values_of('{"a": {"b": {"c": 1, "d": [2, {"e": "x"}]}}, "f": [true, null]}') == expected


def test_of_several_times_the_first_in_order_counts_and_the_rest_are_readings() -> None:
    (reading,) = readings_of('{"time": 5, "ts": 1594598726}')
    assert (reading.metric, reading.value, reading.time) == ("time", 5, 1_594_598_726_000_000)


def test_null_time_is_none() -> None:
    assert readings_of('{"ts": null, "t": 1}')[0].time_source == "received"


@pytest.mark.parametrize(
    "time", ['"yesterday"', '""', "true", "{}", "[1]", "1e30", "1" + "0" * 400, '"' + "1" * 400 + '"', '"2023-13-01"']
)
def test_time_that_cannot_be_read_is_refused(time: str) -> None:
    assert refusal_of(f'{{"ts": {time}, "t": 1}}') is Reason.INVALID_TIME


@pytest.mark.parametrize("seq", ["-1", "1.5", '"7"', "true", "9223372036854775808"])
def test_sequence_number_is_a_whole_number_or_a_reading_like_any(seq: str) -> None:
    readings = readings_of(f'{{"t": 1, "seq": {seq}}}')
    assert [(r.metric, r.seq) for r in readings] == [("t", None), ("seq", None)]


def test_payload_may_name_its_own_device() -> None:
    body = '{"device": "boiler-1", "device_id": "5e:44:3b:f3:79:c8", "ts": 1594598726, "data": {"t": 1}}'
    assert values_of(body) == {"t": 1}
    assert values_of('{"device_id": 17, "t": 1}', device="17") == {"t": 1}


@pytest.mark.parametrize(
    "claim",
    ['"device": "boiler-2"', '"device_id": "boiler-2"', '"deviceId": 17', '"device": "", "device_id": "boiler-1"'],
)
def test_payload_of_another_device_is_refused(claim: str) -> None:
    assert refusal_of(f'{{{claim}, "t": 1}}') is Reason.DEVICE_MISMATCH
    assert refusal_of(f'[{{"t": 1}}, {{{claim}, "t": 1}}]') is Reason.DEVICE_MISMATCH


def test_object_named_device_is_no_claim() -> None:
    assert values_of('{"device": {"model": "x"}}') == {"device.model": "x"}


@pytest.mark.parametrize("body", ["21.5", '"on"', "true", "null", "[1, 2]", '[{"t": 1}, 2]', "[[]]"])
def test_value_without_a_name_is_refused(body: str) -> None:
    assert refusal_of(body) is Reason.UNEXPECTED_SHAPE


@pytest.mark.parametrize("body", ["{}", "[]", '{"ts": 1594598726}', '{"values": {}}'])
def test_nothing_to_read_is_said_so(body: str) -> None:
    assert refusal_of(body) is Reason.NO_READINGS


def test_whole_numbers_beyond_64_bits_become_the_nearest_double() -> None:
    body = '{"least": -9223372036854775808, "most": 9223372036854775807, "more": 18446744073709551616}'
    assert [(r.integer, r.number) for r in readings_of(body)] == [
        (-(2**63), None),
        (2**63 - 1, None),
        (None, 18446744073709551616.0),
    ]
    assert refusal_of('{"a": 1' + "0" * 400 + "}") is Reason.UNEXPECTED_SHAPE
