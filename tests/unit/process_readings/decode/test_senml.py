"""SenML in JSON, by the rules and examples of RFC 8428."""

import json

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import RECEIVED, readings_of, refusal_of, values_of

SENML = Format.SENML_JSON
DEVICE = "urn:dev:ow:10e2073a01080063"


def pack(*records: dict[str, object]) -> str:
    return json.dumps(records)


def test_single_datapoint_is_named_by_its_device() -> None:
    (reading,) = readings_of(pack({"n": DEVICE, "u": "Cel", "v": 23.1}), SENML, device=DEVICE)
    assert (reading.metric, reading.number, reading.unit, reading.decoder) == ("value", 23.1, "Cel", "senml+json/1")
    assert values_of(pack({"n": DEVICE, "v": 1}), SENML, device=DEVICE, metric="air") == {"air": 1.0}


def test_base_fields_stay_until_they_are_given_again() -> None:
    body = pack(
        {"bn": f"{DEVICE}:", "bt": 1.276020076001e09, "bu": "A", "bver": 10, "n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4.5, "v": 1.3},
        {"bt": 1.3e9, "bu": "W", "bv": 100, "n": "power", "v": -0.5},
        {"n": "power", "t": 1, "v": 2},
    )
    assert [(r.metric, r.number, r.unit, r.time) for r in readings_of(body, SENML, device=DEVICE)] == [
        ("voltage", 120.1, "V", 1_276_020_076_001_000),
        ("current", 1.2, "A", 1_276_020_071_001_000),
        ("current", 1.3, "A", 1_276_020_071_501_000),
        ("power", 99.5, "W", 1_300_000_000_000_000),
        ("power", 102.0, "W", 1_300_000_001_000_000),
    ]


def test_base_fields_may_stand_alone() -> None:
    body = pack({"bn": "boiler-1:", "bu": "Cel"}, {"n": "flow", "v": 60})
    assert [(r.metric, r.number, r.unit) for r in readings_of(body, SENML)] == [("flow", 60.0, "Cel")]


@pytest.mark.parametrize(
    ("fields", "offset_us"),
    [
        ({}, 0),
        ({"t": 0}, 0),
        ({"t": -5.5}, -5_500_000),
        ({"bt": -10, "t": 4}, -6_000_000),
        ({"t": 2**28 - 1}, 268435455000000),
    ],
)
def test_time_below_2_to_28_is_relative_to_the_receive_time(fields: dict[str, object], offset_us: int) -> None:
    (reading,) = readings_of(pack({"n": "t", "v": 1, **fields}), SENML)
    assert (reading.time, reading.time_source) == (RECEIVED + offset_us, "received")


def test_time_from_2_to_28_is_absolute() -> None:
    (reading,) = readings_of(pack({"n": "t", "v": 1, "t": 2**28}), SENML)
    assert (reading.time, reading.time_source) == (2**28 * 1_000_000, "device")


def test_each_kind_of_value_is_read() -> None:
    body = pack(
        {"bn": "boiler-1:", "n": "a", "v": 20},
        {"n": "b", "vs": "eco"},
        {"n": "c", "vb": True},
        {"n": "d", "vd": "aGkgCg"},
    )
    assert [(r.metric, r.value, r.flags) for r in readings_of(body, SENML)] == [
        ("a", 20.0, ()),
        ("b", "eco", ()),
        ("c", True, ()),
        ("d", "aGkgCg", ("base64",)),
    ]


def test_sum_is_a_reading_beside_the_value_or_alone() -> None:
    body = pack({"bs": 100, "bu": "W", "n": "p", "v": 5, "s": 20}, {"n": "q", "s": 1.5}, {"n": "r"})
    assert [(r.metric, r.number, r.unit) for r in readings_of(body, SENML)] == [
        ("p", 5.0, "W"),
        ("p.sum", 120.0, "W.s"),
        ("q.sum", 101.5, "W.s"),
        ("r.sum", 100.0, "W.s"),
    ]


@pytest.mark.parametrize(
    ("device", "bn", "n", "metric"),
    [
        (DEVICE, f"{DEVICE}:", "temp", "temp"),
        (DEVICE, f"{DEVICE}", ":temp", "temp"),
        (DEVICE, "", f"{DEVICE}:temp", "temp"),
        ("10e2073a01080063", f"{DEVICE}:", "temp", "temp"),
        ("10e2073a01080063", "urn:dev:ow:", "10e2073a01080063:temp", None),
        ("boiler-1", "", "temp", "temp"),
        ("boiler-1", "boiler-1/", "burner/temp", "burner/temp"),
        ("boiler-1", "boiler-1/burner/", "temp", "burner/temp"),
        ("boiler-1", "plant-3/boiler-1/", "temp", "temp"),
        ("boiler-1", "boiler-10/", "temp", None),
        ("boiler-1", "boiler-2/", "temp", None),
        ("boiler-1", DEVICE, "/temp", None),
        ("boiler-1", "", f"{DEVICE}:temp", None),
        ("boiler-1", "", "boiler-10", "boiler-10"),
    ],
)
def test_resolved_name_is_the_devices_or_is_refused(device: str, bn: str, n: str, metric: str | None) -> None:
    body = pack({"bn": bn, "n": n, "v": 1} if bn else {"n": n, "v": 1})
    if metric is None:
        assert refusal_of(body, SENML, device=device) is Reason.DEVICE_MISMATCH
    else:
        assert values_of(body, SENML, device=device) == {metric: 1.0}


@pytest.mark.parametrize("version", [5, 10, 26])
def test_known_version_is_read(version: int) -> None:
    assert values_of(pack({"bver": version, "n": "t", "v": 1}), SENML) == {"t": 1.0}


def test_unknown_label_is_passed_over_unless_it_must_be_understood() -> None:
    assert values_of(pack({"n": "t", "v": 1, "ut": 60, "x": {"y": [1]}}), SENML) == {"t": 1.0}
    assert refusal_of(pack({"n": "t", "v": 1, "x_": 1}), SENML) is Reason.INVALID_SENML


@pytest.mark.parametrize(
    "record",
    [
        {"n": "t"},
        {"n": "t", "v": 1, "vs": "x"},
        {"n": "t", "vb": True, "vd": "", "s": 1},
        {"v": 1},
        {"n": "", "v": 1},
        {"n": "-t", "v": 1},
        {"n": "a b", "v": 1},
        {"n": "größe", "v": 1},
        {"n": "t", "v": "1"},
        {"n": "t", "v": True},
        {"n": "t", "v": 10**400},
        {"n": "t", "v": 1, "t": 10**400},
        {"n": "t", "v": None},
        {"n": "t", "vb": 1},
        {"n": "t", "vs": 1},
        {"n": 1, "v": 1},
        {"n": "t", "u": 1, "v": 1},
        {"n": "t", "t": "now", "v": 1},
        {"n": "t", "vd": "a"},
        {"n": "t", "vd": "ab+/"},
        {"bver": 11, "n": "t", "v": 1},
        {"bver": 0, "n": "t", "v": 1},
        {"bver": "10", "n": "t", "v": 1},
        {"bver": 10.0, "n": "t", "v": 1},
        [],
        3,
    ],
)
def test_record_that_breaks_a_rule_is_refused(record: object) -> None:
    assert refusal_of(json.dumps([{"n": "good", "v": 1}, record]), SENML) is Reason.INVALID_SENML


@pytest.mark.parametrize("body", ["{}", "[]", "3", '"x"', '{"n": "t", "v": 1}'])
def test_what_is_no_pack_is_refused(body: str) -> None:
    assert refusal_of(body, SENML) is Reason.INVALID_SENML


@pytest.mark.parametrize(
    "fields",
    [{"t": 1e300}, {"bt": 1e308, "t": 1e308}, {"t": 2.6e11}, {"t": 1.7e12}, {"t": -1e300}, {"t": -1.8e9}],
)
def test_time_outside_the_calendar_is_refused(fields: dict[str, object]) -> None:
    assert refusal_of(pack({"n": "t", "v": 1, **fields}), SENML) is Reason.INVALID_TIME


def test_sum_of_base_and_value_may_overflow() -> None:
    (reading,) = readings_of(pack({"bv": 1.7e308, "n": "t", "v": 1.7e308}), SENML)
    assert (reading.text, reading.flags) == ("inf", ("nan",))
